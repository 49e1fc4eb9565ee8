"""Health as the reading routes get it: cached, never in the way, and honest about its age."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.unit.builders import NOW_MS
from tokens_forge.health import UNKNOWN_AFTER_MS, ChannelModel, Health, HealthState
from tokens_forge.health_cache import CACHED_MS_MAX, HealthCache
from tokens_forge.store.port import StoreSilent
from tokens_forge.wallets import WalletKind

SUBJECT = ("first", "small")
HEALTHY = Health(HealthState.HEALTHY, NOW_MS - 5, NOW_MS)


@dataclass
class Kept:
    """A store in memory, which may fall silent."""

    known: dict[ChannelModel, Health] = field(default_factory=lambda: {SUBJECT: HEALTHY})
    reads: int = 0
    silent: bool = False

    def read_health(self, kind: WalletKind) -> Mapping[ChannelModel, Health]:
        self.reads += 1
        if self.silent:
            raise StoreSilent("no answer")
        return dict(self.known)

    def write_health(self, kind: WalletKind, subject: ChannelModel, health: Health) -> None:
        self.known[subject] = health


@dataclass
class MovedClock:
    at_ms: int = NOW_MS

    def now_ms(self) -> int:
        return self.at_ms

    def sleep_ms(self, duration_ms: float) -> None:
        """Nobody waits here."""


def read(cache: HealthCache) -> Mapping[ChannelModel, Health]:
    return asyncio.run(cache.read(WalletKind.OFFICIAL))


def test_it_is_read_at_most_every_ten_seconds_for_each_wallet() -> None:
    store, clock = Kept(), MovedClock()
    cache = HealthCache(store, clock)
    assert read(cache) == read(cache) == {SUBJECT: HEALTHY} and store.reads == 1
    clock.at_ms += CACHED_MS_MAX - 1
    read(cache)
    assert store.reads == 1
    clock.at_ms += 1
    read(cache)
    assert store.reads == 2
    asyncio.run(cache.read(WalletKind.ROUTED))
    assert store.reads == 3


def test_a_store_that_is_silent_leaves_what_was_known_and_is_not_asked_by_every_request() -> None:
    store, clock = Kept(), MovedClock()
    cache = HealthCache(store, clock)
    read(cache)
    store.silent = True
    clock.at_ms += CACHED_MS_MAX
    assert read(cache) == read(cache) == {SUBJECT: HEALTHY}
    assert store.reads == 2
    assert read(HealthCache(store, clock)) == {}


def test_when_the_looking_has_stopped_everything_becomes_unknown() -> None:
    store, clock = Kept(), MovedClock()
    cache = HealthCache(store, clock)
    clock.at_ms = NOW_MS + UNKNOWN_AFTER_MS - 1
    assert read(cache)[SUBJECT].state is HealthState.HEALTHY
    clock.at_ms += CACHED_MS_MAX
    assert read(cache)[SUBJECT].state is HealthState.UNKNOWN
