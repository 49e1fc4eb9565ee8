"""Health as the reading routes show it: at most ten seconds old, and never in the way of a request.

Nothing is decided by it: what a key can call is policy, and whether a channel is tried is its circuit.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from anyio import to_thread

from tokens_forge.clock import Clock
from tokens_forge.health import ChannelModel, Health, HealthStore, next_health
from tokens_forge.store.port import StoreFault
from tokens_forge.wallets import WalletKind

CACHED_MS_MAX = 10_000

log = logging.getLogger("tokens_forge.health_cache")


class HealthCache:
    """One per process."""

    def __init__(self, store: HealthStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._cached: dict[WalletKind, tuple[int, Mapping[ChannelModel, Health]]] = {}

    async def read(self, kind: WalletKind) -> Mapping[ChannelModel, Health]:
        """What is known now of the channels of one wallet's class. A store that does not answer leaves what was known before.

        What nobody has looked at for long is unknown, also when it is the looking that has stopped.
        """
        now_ms = self._clock.now_ms()
        read_at_ms, known = self._cached.get(kind, (-CACHED_MS_MAX, {}))
        if now_ms - read_at_ms >= CACHED_MS_MAX:
            try:
                known = await to_thread.run_sync(self._store.read_health, kind)
            except StoreFault:
                log.exception("health could not be read", extra={"wallet": kind.value})
            self._cached[kind] = (now_ms, known)
        return {subject: next_health(health, None, now_ms) for subject, health in known.items()}
