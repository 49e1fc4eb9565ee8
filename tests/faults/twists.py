"""What can happen at one call of a process: a fault of the call, or something else that happens just then."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

from tests.faults.faulty_store import CallFault, faults_of


class Twist(Enum):
    """What else can happen at a call, beside the faults of the call itself."""

    ARRIVES = "every delayed call arrives just before"
    SWEPT = "a sweeper of another process, whose clock is ahead, runs just before"
    RECONCILED = "a reconciliation of another process, whose clock is ahead, runs just before"
    OUTAGE = "from here on this process gets no answer, and nothing it sends arrives"
    LATE_OUTAGE = "from here on this process gets no answer, and all it sends arrives late"
    CANCELLED = "the task that serves the request is cancelled"
    PROVIDER_FAILS = "the provider breaks off"
    OTHER = "another process, which the operation names, does its work just before, and every delayed call arrives"


AnyTwist = CallFault | Twist
Script = Mapping[int, AnyTwist]


@dataclass(frozen=True, slots=True)
class Point:
    """A call that was made in a run, and whether messages were under way then."""

    operation: str
    messages_under_way: bool


OF_MESSAGES = frozenset(CallFault) - {CallFault.CRASH_BEFORE, CallFault.CRASH_AFTER}
_ASIDE = (Twist.SWEPT, Twist.RECONCILED)
_OF_PROVIDER: tuple[AnyTwist, ...] = (CallFault.CRASH_BEFORE, Twist.PROVIDER_FAILS, *_ASIDE)
_OF_STORE: tuple[AnyTwist, ...] = (Twist.OUTAGE, Twist.LATE_OUTAGE, *_ASIDE)


def one_more(
    script: Script, points: list[Point], *, cancellable: bool = False, other: bool = False
) -> Iterator[Script]:
    """The script with one more twist, at every later point."""
    first = max(script) + 1 if script else 0
    for index in range(first, len(points)):
        point = points[index]
        of_provider = point.operation.startswith("provider")
        for twist in _OF_PROVIDER if of_provider else (*faults_of(point.operation), *_OF_STORE):
            yield {**script, index: twist}
        if point.messages_under_way:
            yield {**script, index: Twist.ARRIVES}
        if cancellable:
            yield {**script, index: Twist.CANCELLED}
        if other:
            yield {**script, index: Twist.OTHER}
