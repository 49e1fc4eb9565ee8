"""Limits per key: requests and tokens a minute, and requests at once. A key without limits costs nothing here.

Minutes are fixed UTC minutes. Tokens are counted when a request is admitted, as OpenAI does: the estimated prompt and the output
limit. A slot whose request died expires by itself.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from anyio import to_thread

from tokens_forge.before_sending import before_sending
from tokens_forge.clock import Clock
from tokens_forge.errors import RateLimited
from tokens_forge.intents import Outcome
from tokens_forge.keys import Key, KeyLimits
from tokens_forge.quotes import Quote, estimated_tokens
from tokens_forge.store.port import StoreFault
from tokens_forge.threads import run_to_end

MINUTE_MS = 60_000

log = logging.getLogger("tokens_forge.limits")


@dataclass(frozen=True, slots=True)
class MinuteUse:
    """What a key has used of a minute. `admitted` says whether this request is in it."""

    admitted: bool
    requests: int
    tokens: int


@dataclass(frozen=True, slots=True)
class KeyUse:
    """What a key has used of this minute, and how many of its requests run now."""

    requests: int
    tokens: int
    running: int


class LimitReader(Protocol):
    """Where an admin sees the counters. It blocks, and raises StoreFault."""

    def use(self, key_id: str, now_ms: int) -> KeyUse:
        """What a key has used. Nothing is counted."""
        ...


class LimitStore(Protocol):
    """Where the counters are kept. All of it blocks, and raises StoreFault."""

    def count(self, key_id: str, minute: int, tokens: int, limits: KeyLimits) -> MinuteUse:
        """Count one request of `tokens` in a minute, if both stay within the limits."""
        ...

    def take_slot(self, key_id: str, slot: str, expires_at_ms: int, slots_max: int, now_ms: int) -> bool:
        """Take one of `slots_max` slots until it is given back or expires; False when none is free."""
        ...

    def free_slot(self, key_id: str, slot: str) -> None:
        """Give a slot back; one that is not there any more is no fault."""
        ...


@dataclass(slots=True)
class Permit:
    """Leave to run one request. `headers` tell the client what is left; `free_slot` is None when no slot was taken."""

    headers: dict[str, str] = field(default_factory=dict)
    free_slot: Callable[[], None] | None = None

    async def end(self, outcome: Outcome | None = None) -> None:
        """The request has ended, or never began: its slot is free."""
        if self.free_slot is None:
            return
        try:
            await run_to_end(self.free_slot)
        except StoreFault:
            log.exception("a slot was not given back; it expires by itself")


class Limiter:
    """Admits requests of limited keys. Its methods run on the event loop."""

    def __init__(self, store: LimitStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def admit(self, key: Key, quoted: Quote, slot: str, deadline_ms: int) -> Permit:
        """Leave to run the request, under `slot` until `deadline_ms` at the latest. Raises RateLimited."""
        limits, permit = key.limits, Permit()
        slots_max, now_ms = limits.concurrent_requests, self._clock.now_ms()
        if slots_max is not None:
            take = partial(self._store.take_slot, key.key_id, slot, deadline_ms, slots_max, now_ms)
            if not await before_sending(to_thread.run_sync(take)):
                raise _too_many_at_once(slots_max)
            permit.free_slot = partial(self._store.free_slot, key.key_id, slot)
        if limits.requests_per_minute is not None or limits.tokens_per_minute is not None:
            try:
                await self._count(key.key_id, limits, quoted, now_ms, permit)
            except BaseException:
                await permit.end()
                raise
        return permit

    async def _count(self, key_id: str, limits: KeyLimits, quoted: Quote, now_ms: int, permit: Permit) -> None:
        tokens = _counted_tokens(quoted)
        count = partial(self._store.count, key_id, now_ms // MINUTE_MS, tokens, limits)
        use = await before_sending(to_thread.run_sync(count))
        permit.headers.update(_headers(limits, use, now_ms))
        if not use.admitted:
            raise _minute_used_up(limits, use, tokens, now_ms)


def limit_in_the_way(key: Key, quoted: Quote, use: KeyUse, now_ms: int) -> RateLimited | None:
    """What `Limiter.admit` would answer to a request of this key now; None: it would be admitted. Nothing is counted."""
    limits = key.limits
    if limits.concurrent_requests is not None and use.running >= limits.concurrent_requests:
        return _too_many_at_once(limits.concurrent_requests)
    tokens, minute = _counted_tokens(quoted), MinuteUse(admitted=False, requests=use.requests, tokens=use.tokens)
    no_requests = limits.requests_per_minute is not None and use.requests >= limits.requests_per_minute
    if no_requests or _tokens_are_in_the_way(limits, minute, tokens):
        return _minute_used_up(limits, minute, tokens, now_ms)
    return None


def _counted_tokens(quoted: Quote) -> int:
    return estimated_tokens(quoted.request.text_bytes) + quoted.output_tokens_max


def _too_many_at_once(slots_max: int) -> RateLimited:
    return RateLimited(
        f"This key may run {slots_max} requests at once.", headers={"retry-after": "1"}, limit="concurrent_requests"
    )


def _minute_used_up(limits: KeyLimits, use: MinuteUse, tokens: int, now_ms: int) -> RateLimited:
    which = "tokens_per_minute" if _tokens_are_in_the_way(limits, use, tokens) else "requests_per_minute"
    return RateLimited(
        f"This key has reached its limit of {getattr(limits, which)} {which.partition('_')[0]} a minute"
        + (f"; this request counts {tokens} tokens." if which == "tokens_per_minute" else "."),
        headers={**_headers(limits, use, now_ms), "retry-after": str(_seconds_left(now_ms))},
        limit=which,
    )


def _headers(limits: KeyLimits, use: MinuteUse, now_ms: int) -> dict[str, str]:
    """What is left of a minute, for clients."""
    shown = (
        ("requests", limits.requests_per_minute, use.requests),
        ("tokens", limits.tokens_per_minute, use.tokens),
    )
    headers = {}
    for name, limit, used in shown:
        if limit is not None:
            headers[f"x-ratelimit-limit-{name}"] = str(limit)
            headers[f"x-ratelimit-remaining-{name}"] = str(max(limit - used, 0))
            headers[f"x-ratelimit-reset-{name}"] = f"{_seconds_left(now_ms)}s"
    return headers


def _seconds_left(now_ms: int) -> int:
    """Until the minute ends."""
    return -(-(MINUTE_MS - now_ms % MINUTE_MS) // 1000)


def _tokens_are_in_the_way(limits: KeyLimits, use: MinuteUse, tokens: int) -> bool:
    return limits.tokens_per_minute is not None and use.tokens + tokens > limits.tokens_per_minute
