"""Health: what is known of one channel for one model, and by which rules it changes. docs/health.md shows the same rules.

An outage shows at once; anything else only after several looks in a row, and between the two thresholds nothing changes: so a
channel that fails now and then does not flap. A look sees the requests of the last minutes, or a probe when there were none.

| from | to | when |
|---|---|---|
| any | `down` | the newest three requests all failed, or two probes in a row |
| any | `down` | fewer than half of at least three requests worked, and the newest three did not all work |
| `healthy` | `degraded` | one probe failed; or in two looks in a row two requests failed and fewer than 95 % worked |
| `down` | what the look says | two looks in a row whose newest three requests (or whose probe) worked |
| `degraded` | `healthy` | five looks in a row in which 98 % of the requests, or the probe, worked |
| `unknown` | what the look says | the first look |
| any | `unknown` | nothing was seen for ten minutes |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

from tokens_forge.wallets import WalletKind

WINDOW_MS = 300_000
RECENT_MS = 60_000
IDLE_MS = 45_000  # less than the minute between two looks: of a channel that stopped, the second look is never at old requests
REQUESTS_ENOUGH = 20  # to judge the last minute by itself; of fewer, the newest ones of the window are taken
UNKNOWN_AFTER_MS = 600_000

NEWEST = 3
PROBES_DOWN = 2
DOWN_BELOW_PERCENT = 50
DEGRADED_BELOW_PERCENT = 95
GOOD_FROM_PERCENT = 98
FAILURES_DEGRADED = 2  # of requests; one alone may be anything

# A provider that cannot be reached at all: the one kind of failure that the free probe would see too.
UNREACHED = frozenset({"refused", "broke"})

ChannelModel = tuple[str, str]  # channel id and public model name, within one wallet's class


class HealthState(StrEnum):
    """From good to bad; `unknown` is neither."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    DOWN = "down"
    UNKNOWN = "unknown"


class Source(StrEnum):
    """What a look saw: requests of customers, or a probe of our own."""

    TRAFFIC = "traffic"
    PROBE = "probe"


_BADNESS = {HealthState.HEALTHY: 0, HealthState.DEGRADED: 1, HealthState.DOWN: 2}
_GOOD_LOOKS = {HealthState.DEGRADED: 5, HealthState.DOWN: 2}  # in a row, to leave the state for a better one
_BAD_LOOKS = 2  # of requests, to become degraded
_BEST_FIRST = (HealthState.HEALTHY, HealthState.DEGRADED, HealthState.UNKNOWN, HealthState.DOWN)


@dataclass(frozen=True, slots=True)
class Sample:
    """One call to a channel: when it ended, `ok` or a short word for its failure, and the time to its first byte."""

    at_ms: int
    outcome: str
    latency_ms: int

    @property
    def worked(self) -> bool:
        """Whether the channel did what it is for."""
        return self.outcome == "ok"


@dataclass(frozen=True, slots=True)
class Observation:
    """What one look saw. `streak` counts how many of the newest calls ended alike: above 0 worked, below 0 failed.

    Latencies are those of the calls that worked; None when none did.
    """

    source: Source
    samples: int
    successes: int
    streak: int
    p50_ms: int | None = None
    p95_ms: int | None = None

    def below(self, percent: int) -> bool:
        """Whether less than this part of the calls worked."""
        return self.successes * 100 < self.samples * percent


@dataclass(frozen=True, slots=True)
class Health:
    """What is known of one channel for one model.

    `since_ms` is when the state became this, `checked_at_ms` the last look that saw something; both are 0 for never. `looks` is how
    many in a row spoke for another state: above 0 for a better one, below 0 for a worse one.
    """

    state: HealthState = HealthState.UNKNOWN
    since_ms: int = 0
    checked_at_ms: int = 0
    seen: Observation | None = None
    looks: int = 0


class HealthStore(Protocol):
    """Where health is kept."""

    def read_health(self, kind: WalletKind) -> Mapping[ChannelModel, Health]:
        """Everything that is known of the channels of one wallet's class."""
        ...

    def write_health(self, kind: WalletKind, subject: ChannelModel, health: Health) -> None:
        """Replace what is known of one channel for one model."""
        ...


def observe(traffic: Sequence[Sample], probe: Sample | None, now_ms: int) -> Observation | None:
    """What a look at the calls of the window sees; None when there is nothing to see.

    `traffic` is in the order of time. `probe` was made because the channel is idle. That it worked says that the channel can be
    reached; requests of the window that failed for another reason speak louder.
    """
    fresh = not is_idle(traffic, now_ms)
    hidden = any(not sample.worked and sample.outcome not in UNREACHED for sample in traffic)
    if probe is not None and not fresh and not (probe.worked and hidden):
        return _observation(Source.PROBE, [probe])
    if not traffic or not (fresh or hidden):
        return None
    recent = [sample for sample in traffic if sample.at_ms > now_ms - RECENT_MS]
    return _observation(Source.TRAFFIC, recent if len(recent) >= REQUESTS_ENOUGH else traffic[-REQUESTS_ENOUGH:])


def is_idle(traffic: Sequence[Sample], now_ms: int) -> bool:
    """Whether no request has come since about the last look."""
    return not any(sample.at_ms > now_ms - IDLE_MS for sample in traffic)


def next_health(previous: Health, seen: Observation | None, now_ms: int) -> Health:
    """What is known after a look: the table above."""
    if seen is None:
        is_stale = now_ms - previous.checked_at_ms >= UNKNOWN_AFTER_MS
        if not is_stale or previous.state is HealthState.UNKNOWN:
            return previous
        return Health(HealthState.UNKNOWN, now_ms, previous.checked_at_ms)
    if seen.source is Source.PROBE:
        seen = replace(seen, streak=_continued(previous, seen.streak))
    state, looks = _moved(previous, seen, _verdict(seen))
    since_ms = previous.since_ms if state is previous.state else now_ms
    return Health(state, since_ms, now_ms, seen, looks)


def route_health(channels: Sequence[HealthState]) -> HealthState:
    """The health of a route: that of its best channel, because a request goes on to the next one until one answers."""
    return min(channels, key=_BEST_FIRST.index, default=HealthState.UNKNOWN)


def _observation(source: Source, samples: Sequence[Sample]) -> Observation:
    latencies = sorted(sample.latency_ms for sample in samples if sample.worked)
    last = samples[-1].worked
    streak = next((n for n, sample in enumerate(reversed(samples)) if sample.worked is not last), len(samples))
    return Observation(
        source=source,
        samples=len(samples),
        successes=len(latencies),
        streak=streak if last else -streak,
        p50_ms=_percentile(latencies, 50),
        p95_ms=_percentile(latencies, 95),
    )


def _percentile(ordered: Sequence[int], percent: int) -> int | None:
    """The nearest rank: a latency that was really seen."""
    return ordered[-(-len(ordered) * percent // 100) - 1] if ordered else None


def _continued(previous: Health, step: int) -> int:
    """A probe is one call: its streak goes on where the last look's ended."""
    before = previous.seen.streak if previous.seen is not None else 0
    return before + step if before * step > 0 else step


def _verdict(seen: Observation) -> HealthState | None:
    """What a look says by itself; None when it says neither good nor bad."""
    is_probe = seen.source is Source.PROBE
    if seen.streak <= -(PROBES_DOWN if is_probe else NEWEST):
        return HealthState.DOWN
    if seen.samples >= NEWEST and seen.below(DOWN_BELOW_PERCENT) and seen.streak < NEWEST:
        return HealthState.DOWN
    failures = seen.samples - seen.successes
    if failures >= (1 if is_probe else FAILURES_DEGRADED) and seen.below(DEGRADED_BELOW_PERCENT):
        return HealthState.DEGRADED
    return None if seen.below(GOOD_FROM_PERCENT) else HealthState.HEALTHY


def _moved(previous: Health, seen: Observation, verdict: HealthState | None) -> tuple[HealthState, int]:
    """The state after a look, and the looks in a row that now speak for another one."""
    state = previous.state
    if state is HealthState.UNKNOWN:
        first = HealthState.DEGRADED if seen.below(DEGRADED_BELOW_PERCENT) else HealthState.HEALTHY
        return verdict or first, 0
    if state is HealthState.DOWN:
        newest_worked = seen.streak >= min(NEWEST, seen.samples)
        verdict = (verdict or HealthState.DEGRADED) if newest_worked else HealthState.DOWN
    if verdict is None or verdict is state:
        return state, 0
    if _BADNESS[verdict] < _BADNESS[state]:
        needed, looks = _GOOD_LOOKS[state], max(previous.looks, 0) + 1
    else:
        needed = _BAD_LOOKS if verdict is HealthState.DEGRADED and seen.source is Source.TRAFFIC else 1
        looks = min(previous.looks, 0) - 1
    return (verdict, 0) if abs(looks) >= needed else (state, looks)
