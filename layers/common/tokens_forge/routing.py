"""Routing: try the primary, then the backups, in order, until one gives its first byte.

Only channels of the offer are tried, so a backup passed the same policy and is charged at the same quoted price.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from tokens_forge.catalog import Channel
from tokens_forge.clock import Clock
from tokens_forge.errors import UpstreamRejected
from tokens_forge.journal import Attempt

Result = TypeVar("Result")


class AttemptFailed(Exception):
    """This channel did not serve the request; a backup may. `outcome` is a short word for the receipt."""

    def __init__(self, outcome: str, retry_after_s: int | None = None) -> None:
        super().__init__(outcome)
        self.outcome = outcome
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class Routed(Generic[Result]):
    """What trying the route gave: a result, or the provider's refusal of the request itself, or neither."""

    attempts: tuple[Attempt, ...]
    result: Result | None = None
    rejected: UpstreamRejected | None = None
    retry_after_s: int | None = None


async def first_that_answers(
    channels: tuple[Channel, ...], attempt: Callable[[Channel], Awaitable[Result]], clock: Clock
) -> Routed[Result]:
    """Try each channel in order. A request that is itself wrong is not tried again elsewhere."""
    attempts: list[Attempt] = []
    waits_s: list[int] = []
    for channel in channels:
        began_ms = clock.now_ms()
        try:
            result = await attempt(channel)
        except AttemptFailed as failed:
            attempts.append(Attempt(channel.channel_id, failed.outcome, clock.now_ms() - began_ms))
            if failed.retry_after_s is not None:
                waits_s.append(failed.retry_after_s)
            continue
        except UpstreamRejected as rejected:
            attempts.append(Attempt(channel.channel_id, f"rejected_{rejected.status}", clock.now_ms() - began_ms))
            return Routed(tuple(attempts), rejected=rejected)
        attempts.append(Attempt(channel.channel_id, "ok", clock.now_ms() - began_ms))
        return Routed(tuple(attempts), result=result)
    return Routed(tuple(attempts), retry_after_s=min(waits_s, default=None))
