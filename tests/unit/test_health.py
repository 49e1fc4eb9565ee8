"""When health changes, and when it does not."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path

import pytest

from tests.unit.builders import NOW_MS
from tokens_forge import health as rules
from tokens_forge.health import (
    Health,
    HealthState,
    Observation,
    Sample,
    Source,
    is_idle,
    next_health,
    observe,
    route_health,
)

MINUTE_MS = 60_000
HEALTHY, DEGRADED, DOWN, UNKNOWN = (
    HealthState.HEALTHY,
    HealthState.DEGRADED,
    HealthState.DOWN,
    HealthState.UNKNOWN,
)


def traffic(samples: int, successes: int, streak: int | None = None) -> Observation:
    """A look at requests; unless said otherwise the failures came first."""
    newest = streak if streak is not None else successes or -samples
    return Observation(Source.TRAFFIC, samples, successes, newest, 10, 20)


def probed(worked: bool) -> Observation:
    return Observation(Source.PROBE, 1, int(worked), 1 if worked else -1)


GOOD, BAD, AWFUL = traffic(50, 50), traffic(50, 40), traffic(50, 10, -5)
WORKED, FAILED = probed(True), probed(False)


def after(looks: Iterable[Observation | None], start: Health | None = None) -> list[HealthState]:
    """The state after each look, a minute apart."""
    known, states = start or Health(), []
    for number, seen in enumerate(looks):
        known = next_health(known, seen, NOW_MS + number * MINUTE_MS)
        states.append(known.state)
    return states


@pytest.mark.parametrize(
    ("looks", "expected"),
    [
        ([GOOD], [HEALTHY]),
        ([WORKED], [HEALTHY]),
        ([BAD], [DEGRADED]),
        ([FAILED], [DEGRADED]),
        ([traffic(1, 0)], [DEGRADED]),
        ([AWFUL], [DOWN]),
        ([None], [UNKNOWN]),
        ([WORKED, FAILED, FAILED], [HEALTHY, DEGRADED, DOWN]),
        ([GOOD, traffic(3, 0)], [HEALTHY, DOWN]),
        ([GOOD, traffic(3, 1, -2)], [HEALTHY, DOWN]),
        ([GOOD, traffic(100, 60, -3)], [HEALTHY, DOWN]),
        ([GOOD, traffic(2, 0), FAILED], [HEALTHY, HEALTHY, DOWN]),
    ],
)
def test_an_outage_shows_at_once(looks: list[Observation | None], expected: list[HealthState]) -> None:
    assert after(looks) == expected


@pytest.mark.parametrize(
    ("looks", "expected"),
    [
        ([GOOD, BAD, BAD], [HEALTHY, HEALTHY, DEGRADED]),
        ([GOOD, traffic(4, 2, -2), traffic(20, 18)], [HEALTHY, HEALTHY, DEGRADED]),
        ([GOOD, BAD, GOOD, BAD, GOOD], [HEALTHY] * 5),
        ([GOOD, traffic(1, 0), traffic(1, 0)], [HEALTHY] * 3),
        ([GOOD, traffic(20, 19), traffic(20, 19)], [HEALTHY] * 3),
        ([GOOD, traffic(3, 2, -1), traffic(3, 2, -1)], [HEALTHY] * 3),
    ],
)
def test_less_than_an_outage_shows_after_two_looks(
    looks: list[Observation | None], expected: list[HealthState]
) -> None:
    assert after(looks) == expected


@pytest.mark.parametrize(
    ("looks", "expected"),
    [
        ([AWFUL, GOOD, GOOD], [DOWN, DOWN, HEALTHY]),
        ([FAILED, FAILED, WORKED, WORKED], [DEGRADED, DOWN, DOWN, HEALTHY]),
        ([AWFUL, GOOD, AWFUL, GOOD, GOOD], [DOWN, DOWN, DOWN, DOWN, HEALTHY]),
        ([AWFUL, traffic(20, 8, 8), traffic(20, 14, 14)], [DOWN, DOWN, DEGRADED]),
        ([AWFUL, traffic(20, 8, 8), GOOD], [DOWN, DOWN, HEALTHY]),
        ([AWFUL, traffic(20, 19, -1), traffic(20, 19, -1)], [DOWN, DOWN, DOWN]),
        ([BAD, *[GOOD] * 5], [*[DEGRADED] * 5, HEALTHY]),
        ([BAD, *[GOOD] * 4, BAD, *[GOOD] * 4], [DEGRADED] * 10),
        ([BAD, *[GOOD] * 4, traffic(100, 96), GOOD], [DEGRADED] * 7),
        ([FAILED, *[WORKED] * 5], [*[DEGRADED] * 5, HEALTHY]),
        ([FAILED, WORKED, FAILED, WORKED, FAILED], [DEGRADED] * 5),
    ],
)
def test_better_comes_after_looks_in_a_row(looks: list[Observation | None], expected: list[HealthState]) -> None:
    assert after(looks) == expected


def test_since_is_when_the_state_became_what_it_is() -> None:
    first = next_health(Health(), GOOD, NOW_MS)
    later = next_health(first, GOOD, NOW_MS + MINUTE_MS)
    assert (later.state, later.since_ms, later.checked_at_ms) == (HEALTHY, NOW_MS, NOW_MS + MINUTE_MS)
    worse = next_health(later, AWFUL, NOW_MS + 2 * MINUTE_MS)
    assert (worse.state, worse.since_ms) == (DOWN, NOW_MS + 2 * MINUTE_MS)


def test_what_nobody_has_seen_for_long_is_unknown() -> None:
    known = next_health(Health(), GOOD, NOW_MS)
    almost, later = NOW_MS + rules.UNKNOWN_AFTER_MS - 1, NOW_MS + rules.UNKNOWN_AFTER_MS
    assert next_health(known, None, almost) == known
    lost = next_health(known, None, later)
    assert lost == Health(UNKNOWN, later, NOW_MS)
    assert next_health(lost, None, later + MINUTE_MS) == lost, "and stays so since then"


def calls(*outcomes: str, ago_s: float = 0, every_s: float = 1) -> list[Sample]:
    """One call a second, the last one `ago_s` seconds ago."""
    newest_ms = NOW_MS - int(ago_s * 1000)
    return [
        Sample(newest_ms - int((len(outcomes) - 1 - number) * every_s * 1000), outcome, 100 + number)
        for number, outcome in enumerate(outcomes)
    ]


OK_PROBE, REFUSED_PROBE = Sample(NOW_MS, "ok", 3), Sample(NOW_MS, "refused", 1)


def test_a_look_takes_the_last_minute_when_it_is_busy_else_the_newest_requests_of_the_window() -> None:
    busy = observe(calls(*["http_500"] * 200, *["ok"] * 60), None, NOW_MS)
    assert busy is not None and (busy.samples, busy.successes, busy.streak) == (60, 60, 60)
    quiet = observe(calls(*["http_500"] * 3, *["ok"] * 30, every_s=9), None, NOW_MS)
    assert quiet is not None and (quiet.samples, quiet.successes) == (20, 20)
    mixed = observe(calls("ok", "timeout", "ok", "http_503", "refused"), None, NOW_MS)
    assert mixed is not None and (mixed.samples, mixed.successes, mixed.streak) == (5, 2, -2)


def test_latencies_are_those_of_the_calls_that_worked() -> None:
    seen = observe(calls(*["ok"] * 20), None, NOW_MS)
    assert seen is not None and (seen.p50_ms, seen.p95_ms) == (109, 118)
    failing = observe(calls("timeout"), None, NOW_MS)
    assert failing is not None and (failing.p50_ms, failing.p95_ms) == (None, None)


def test_a_channel_is_idle_when_nothing_came_since_the_last_look() -> None:
    assert is_idle([], NOW_MS) and is_idle(calls("ok", ago_s=46), NOW_MS)
    assert not is_idle(calls("ok", ago_s=44), NOW_MS)


@pytest.mark.parametrize(
    ("seen", "probe", "source"),
    [
        ([], None, None),
        ([], OK_PROBE, Source.PROBE),
        (calls("ok", ago_s=50), None, None),
        (calls("ok", ago_s=50), REFUSED_PROBE, Source.PROBE),
        (calls("refused", "broke", ago_s=50), OK_PROBE, Source.PROBE),
        (calls("http_500", ago_s=50), OK_PROBE, Source.TRAFFIC),
        (calls("http_500", ago_s=50), None, Source.TRAFFIC),
        (calls("http_500", ago_s=50), REFUSED_PROBE, Source.PROBE),
        (calls("ok"), None, Source.TRAFFIC),
    ],
)
def test_a_free_probe_speaks_for_an_idle_channel_unless_requests_know_better(
    seen: list[Sample], probe: Sample | None, source: Source | None
) -> None:
    found = observe(seen, probe, NOW_MS)
    assert (found.source if found is not None else None) is source


def test_a_route_is_as_good_as_its_best_channel() -> None:
    assert route_health([DOWN, HEALTHY]) is HEALTHY
    assert route_health([DOWN, DEGRADED]) is DEGRADED
    assert route_health([DOWN, UNKNOWN]) is UNKNOWN
    assert route_health([DOWN]) is DOWN
    assert route_health([]) is UNKNOWN


HOURS = 24


def noisy_day(seed: int, per_minute: float, works: float) -> list[Sample]:
    """A day of requests that come at random and work at random."""
    chance, at_ms, samples = random.Random(seed), 0.0, []
    while at_ms < HOURS * 3_600_000:
        at_ms += chance.expovariate(per_minute) * MINUTE_MS
        samples.append(Sample(NOW_MS + int(at_ms), "ok" if chance.random() < works else "http_500", 100))
    return samples


def states_of(samples: list[Sample], judge: Callable[[Health, Observation | None, int], Health]) -> list[HealthState]:
    """The state after each minute's look. While nothing comes, the free probe works."""
    known, states, first, last = Health(), [], 0, 0
    for minute in range(1, HOURS * 60 + 1):
        now_ms = NOW_MS + minute * MINUTE_MS
        while last < len(samples) and samples[last].at_ms <= now_ms:
            last += 1
        while first < last and samples[first].at_ms <= now_ms - rules.WINDOW_MS:
            first += 1
        window = samples[first:last]
        probe = Sample(now_ms, "ok", 5) if is_idle(window, now_ms) else None
        known = judge(known, observe(window, probe, now_ms), now_ms)
        states.append(known.state)
    return states


def changes(states: list[HealthState]) -> int:
    return sum(one is not other for one, other in pairwise(states))


def without_memory(previous: Health, seen: Observation | None, now_ms: int) -> Health:
    """What the same thresholds would give if each look stood alone."""
    return next_health(Health(), seen, now_ms) if seen is not None else previous


@pytest.mark.parametrize("per_minute", [5, 20, 100])
def test_a_channel_that_works_nine_times_in_ten_is_degraded_and_does_not_flap(per_minute: int) -> None:
    days = [noisy_day(seed, per_minute, 0.9) for seed in range(5)]
    states = [states_of(samples, next_health) for samples in days]
    changed = sum(map(changes, states))
    assert changed <= len(days) * HOURS, "at most one change an hour"
    assert sum(changes(states_of(samples, without_memory)) for samples in days) > 8 * changed, (
        "the thresholds alone flap"
    )
    everything = [state for day in states for state in day]
    assert everything.count(DEGRADED) > 0.9 * len(everything)
    assert everything.count(DOWN) < 0.02 * len(everything)


@pytest.mark.parametrize("per_minute", [0.2, 5, 100])
@pytest.mark.parametrize("works", [0.5, 0.7, 0.9, 0.97, 0.99])
def test_however_noisy_a_channel_is_it_does_not_flap(per_minute: float, works: float) -> None:
    assert changes(states_of(noisy_day(7, per_minute, works), next_health)) <= HOURS * 6


@pytest.mark.parametrize("per_minute", [0.2, 5, 100])
def test_a_channel_that_always_works_is_healthy_all_day(per_minute: float) -> None:
    assert set(states_of(noisy_day(3, per_minute, 1.0), next_health)) == {HEALTHY}


def test_two_probes_without_an_answer_make_any_state_down_and_two_answers_make_it_healthy_again() -> None:
    for start in (Health(), *(Health(state, NOW_MS, NOW_MS, GOOD) for state in (HEALTHY, DEGRADED, DOWN))):
        assert after([FAILED, FAILED, WORKED, WORKED], start)[1::2] == [DOWN, HEALTHY]


def test_the_documented_rules_are_the_ones_in_the_code() -> None:
    document = (Path(__file__).parents[2] / "docs" / "health.md").read_text()
    table = re.findall(r"^\|.*\|$", rules.__doc__ or "", re.MULTILINE)
    assert len(table) == 9
    assert "\n".join(table) in document
