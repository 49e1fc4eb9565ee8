"""Routing: try the primary, then the backups, in order, until one gives its first byte.

Only channels of the offer are tried, so a backup passed the same policy and is charged at the same quoted price. A channel whose
circuit is open is passed over; a pool is tried member by member as long as it is the member that is in the way.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Generic, TypeVar

from tokens_forge.channels import Channel, ChannelKind
from tokens_forge.circuits import CircuitKey, Circuits
from tokens_forge.clock import Clock
from tokens_forge.errors import UpstreamRejected
from tokens_forge.intents import Outcome
from tokens_forge.journal import Attempt, SettlementReason
from tokens_forge.pools import Lease, PoolFull, Pools
from tokens_forge.quotes import Quote
from tokens_forge.store.port import StoreFault
from tokens_forge.threads import routing_threads, run_to_end

Result = TypeVar("Result")
ABOUT_THE_MEMBER = frozenset({401, 403, 429})
NO_CREDENTIAL = "no_credential"
BROKE = frozenset({SettlementReason.UPSTREAM_BROKE, SettlementReason.DEADLINE})

log = logging.getLogger("tokens_forge.routing")


@dataclass(frozen=True, slots=True)
class Target:
    """Whom one attempt calls. `is_trial` when its channel's circuit is open and this request tries whether it works again."""

    channel: Channel
    credential: str
    is_trial: bool = False


class AttemptFailed(Exception):
    """This channel did not serve the request; a backup may. `outcome` is a short word for the receipt."""

    def __init__(self, outcome: str, *, status: int | None = None, retry_after_s: int | None = None) -> None:
        super().__init__(outcome)
        self.outcome = outcome
        self.status = status
        self.retry_after_s = retry_after_s

    @property
    def is_about_the_member(self) -> bool:
        """Whether another member of the same pool may well serve: this one's quota or credential is the trouble."""
        return self.status in ABOUT_THE_MEMBER or self.outcome == NO_CREDENTIAL


@dataclass(frozen=True, slots=True)
class Serving:
    """The channel that serves a request. When it has ended, `ended` frees its slot of a pool, and counts a break as a failure."""

    channel: Channel
    ended: Callable[[Outcome], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Routed(Generic[Result]):
    """What trying the route gave: a result and who serves it, or the provider's refusal of the request itself, or neither."""

    attempts: tuple[Attempt, ...]
    result: Result | None = None
    serving: Serving | None = None
    rejected: UpstreamRejected | None = None
    retry_after_s: int | None = None


@dataclass(slots=True)
class _Trail:
    """What has happened so far on one request's route."""

    attempts: list[Attempt] = field(default_factory=list)
    waits_s: list[int] = field(default_factory=list)

    def add(self, channel: Channel, outcome: str, duration_ms: int = 0, wait_s: int | None = None) -> None:
        self.attempts.append(Attempt(channel.channel_id, outcome, duration_ms))
        if wait_s is not None:
            self.waits_s.append(wait_s)


class Router:
    """Runs requests over their routes. Nothing is written while all channels are healthy and none is a pool."""

    def __init__(self, circuits: Circuits, pools: Pools, clock: Clock) -> None:
        self._circuits = circuits
        self._pools = pools
        self._clock = clock
        self._refreshing: asyncio.Task[None] | None = None

    def refresh_soon(self) -> None:
        """Bring the view of the circuits up to date, beside the hold that follows, so that it costs the request no time."""
        if not self._circuits.is_fresh() and (self._refreshing is None or self._refreshing.done()):
            self._refreshing = asyncio.get_running_loop().create_task(self._safely(self._circuits.refresh))

    async def first_that_answers(
        self, quoted: Quote, sticky_to: Callable[[], str], attempt: Callable[[Target], Awaitable[Result]]
    ) -> Routed[Result]:
        """Try each channel in order. A request that is itself wrong is not tried again elsewhere.

        `sticky_to` names the conversation, which stays on one member of a pool while it can; nothing but a pool asks for it.
        """
        trail = _Trail()
        for channel in quoted.offer.channels:
            circuit = CircuitKey(channel.kind.wallet, channel.channel_id, quoted.offer.model.model_id)
            is_trial = self._circuits.is_open(circuit)
            if is_trial and not await self._may_try(circuit):
                trail.add(channel, "circuit_open", wait_s=-(-self._circuits.wait_ms(circuit) // 1000))
                continue
            try:
                result, serving = await self._try(
                    channel, circuit, quoted, sticky_to, attempt, trail, is_trial=is_trial
                )
            except UpstreamRejected as rejected:
                return Routed(tuple(trail.attempts), rejected=rejected)
            except AttemptFailed:
                continue
            return Routed(tuple(trail.attempts), result, serving)
        return Routed(tuple(trail.attempts), retry_after_s=min(trail.waits_s, default=None))

    async def _ended(self, circuit: CircuitKey, lease: Lease | None, outcome: Outcome) -> None:
        if lease is not None:
            await self._safely(lambda: self._pools.release(lease, outcome.usage.input_side + outcome.usage.output))
        if outcome.reason in BROKE:
            await self._safely(lambda: self._circuits.failed(circuit, None))

    async def _try(
        self,
        channel: Channel,
        circuit: CircuitKey,
        quoted: Quote,
        sticky_to: Callable[[], str],
        attempt: Callable[[Target], Awaitable[Result]],
        trail: _Trail,
        *,
        is_trial: bool,
    ) -> tuple[Result, Serving]:
        """Try one channel; of a pool, one member after the other. Raises AttemptFailed when all of it failed."""
        tried: set[str] = set()
        while True:
            lease = await self._lease(channel, quoted, sticky_to, frozenset(tried), trail)
            credential = lease.member.credential if lease is not None else channel.credential
            began_ms = self._clock.now_ms()
            try:
                result = await attempt(Target(channel, credential, is_trial))
            except AttemptFailed as failed:
                trail.add(channel, failed.outcome, self._clock.now_ms() - began_ms, failed.retry_after_s)
                if lease is None or not failed.is_about_the_member:
                    await self._give_back(lease)
                    await self._safely(partial(self._circuits.failed, circuit, failed.retry_after_s))
                    raise
                tried.add(lease.member.member_id)
                await self._safely(partial(self._pools.cool, lease, failed.status, failed.retry_after_s))
                continue
            except UpstreamRejected as rejected:
                trail.add(channel, f"rejected_{rejected.status}", self._clock.now_ms() - began_ms)
                await self._give_back(lease)
                await self._worked(circuit)
                raise
            except BaseException:
                await self._give_back(lease)
                raise
            trail.add(channel, "ok", self._clock.now_ms() - began_ms)
            await self._worked(circuit)
            return result, Serving(channel, partial(self._ended, circuit, lease))

    async def _lease(
        self, channel: Channel, quoted: Quote, sticky_to: Callable[[], str], tried: frozenset[str], trail: _Trail
    ) -> Lease | None:
        """A slot of a pool; None for any other channel. Raises AttemptFailed when no member has room."""
        if channel.kind is not ChannelKind.POOL:
            return None
        try:
            # To its end also when the client leaves meanwhile: the slot is given back by whoever asked for it.
            return await run_to_end(
                lambda: self._pools.reserve(channel, quoted.tokens_max, sticky_to(), tried), routing_threads
            )
        except PoolFull as full:
            if not tried:
                trail.add(channel, "pool_full", wait_s=full.wait_s)
            raise AttemptFailed("pool_full", retry_after_s=full.wait_s) from None
        except StoreFault:
            log.exception("a pool's state did not answer")
            trail.add(channel, "pool_unknown")
            raise AttemptFailed("pool_unknown") from None

    async def _may_try(self, circuit: CircuitKey) -> bool:
        """Whether the wait of an open circuit is over, and no other request is its trial."""
        if self._circuits.wait_ms(circuit) > 0:
            return False
        return bool(await self._safely(lambda: self._circuits.take_trial(circuit)))

    async def _give_back(self, lease: Lease | None) -> None:
        if lease is not None:
            await self._safely(lambda: self._pools.release(lease, 0))

    async def _worked(self, circuit: CircuitKey) -> None:
        if self._circuits.is_open(circuit):
            await self._safely(lambda: self._circuits.close(circuit))

    async def _safely(self, operation: Callable[[], Result]) -> Result | None:
        """Run what blocks to its end, also when the request is cancelled. Keeping state up to date must never break a request."""
        try:
            return await run_to_end(operation, routing_threads)
        except StoreFault:
            log.exception("routing state was not kept")
            return None
