from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.support.circuits import CircuitsInMemory
from tokens_forge.circuits import (
    ASKED_MAX_MS,
    ASKED_MIN_MS,
    FAILURES_TO_OPEN,
    OPEN_FIRST_MS,
    OPEN_MAX_MS,
    TRIAL_MS,
    WINDOW_MS,
    CircuitKey,
    Circuits,
)
from tokens_forge.wallets import WalletKind

KEY = CircuitKey(WalletKind.ROUTED, "first", "small")
NAMESAKE = CircuitKey(WalletKind.OFFICIAL, "first", "small")


@dataclass
class HandClock:
    time_ms: int = 1_790_000_000_000

    def now_ms(self) -> int:
        return self.time_ms

    def sleep_ms(self, duration_ms: float) -> None:
        self.time_ms += int(duration_ms)


class Circle:
    """Two processes that share their circuits."""

    def __init__(self) -> None:
        self.clock, self.store = HandClock(), CircuitsInMemory()
        self.ours, self.theirs = Circuits(self.store, self.clock), Circuits(self.store, self.clock)

    def fails(self, times: int = FAILURES_TO_OPEN, retry_after_s: int | None = None) -> None:
        for _ in range(times):
            self.ours.failed(KEY, retry_after_s)

    def after(self, duration_ms: int) -> None:
        self.clock.time_ms += duration_ms
        self.ours.refresh()
        self.theirs.refresh()


@pytest.fixture
def circle() -> Circle:
    return Circle()


def test_nothing_is_written_while_a_channel_is_healthy(circle: Circle) -> None:
    circle.ours.refresh()
    assert not circle.ours.is_open(KEY) and circle.ours.wait_ms(KEY) == 0
    assert circle.store.writes == 0


def test_some_failures_within_a_window_open_a_circuit_for_everybody(circle: Circle) -> None:
    circle.fails(FAILURES_TO_OPEN - 1)
    assert not circle.ours.is_open(KEY)
    circle.fails(1)
    circle.after(0)
    for process in (circle.ours, circle.theirs):
        assert process.is_open(KEY) and process.wait_ms(KEY) == OPEN_FIRST_MS
        assert not process.is_open(NAMESAKE), "a channel of the other wallet is another channel"


def test_failures_far_apart_open_nothing(circle: Circle) -> None:
    for _ in range(10):
        circle.fails(FAILURES_TO_OPEN - 1)
        circle.after(WINDOW_MS)
    assert not circle.ours.is_open(KEY)


@pytest.mark.parametrize(
    ("asked_s", "wait_ms"), [(7, 7_000), (0, ASKED_MIN_MS), (300, ASKED_MAX_MS), (10**6, ASKED_MAX_MS)]
)
def test_a_provider_that_says_how_long_to_wait_is_believed_within_reason(
    circle: Circle, asked_s: int, wait_ms: int
) -> None:
    circle.fails(1, asked_s)
    assert circle.ours.wait_ms(KEY) == wait_ms


def test_when_the_wait_is_over_one_request_in_all_is_the_trial(circle: Circle) -> None:
    circle.fails()
    circle.after(OPEN_FIRST_MS)
    assert circle.ours.is_open(KEY) and circle.ours.wait_ms(KEY) == 0
    assert [circle.ours.take_trial(KEY), circle.theirs.take_trial(KEY), circle.ours.take_trial(KEY)] == [
        True,
        False,
        False,
    ]
    circle.after(0)
    assert circle.theirs.wait_ms(KEY) == TRIAL_MS


def test_before_the_wait_is_over_nobody_is(circle: Circle) -> None:
    circle.fails()
    circle.after(OPEN_FIRST_MS - 1)
    writes = circle.store.writes
    assert not circle.ours.take_trial(KEY) and circle.store.writes == writes


def test_a_trial_that_works_brings_the_channel_back_for_everybody(circle: Circle) -> None:
    circle.fails()
    circle.after(OPEN_FIRST_MS)
    assert circle.theirs.take_trial(KEY)
    circle.theirs.close(KEY)
    circle.after(0)
    assert not circle.ours.is_open(KEY) and not circle.theirs.is_open(KEY)
    circle.fails(FAILURES_TO_OPEN - 1)
    assert not circle.ours.is_open(KEY), "it begins with a clean record"


def test_a_trial_that_fails_makes_the_next_wait_longer_up_to_a_minute(circle: Circle) -> None:
    circle.fails()
    waits = []
    for _ in range(9):
        circle.after(circle.ours.wait_ms(KEY))
        assert circle.ours.take_trial(KEY)
        circle.fails(1)
        waits.append(circle.ours.wait_ms(KEY))
    assert waits[:3] == [2 * OPEN_FIRST_MS, 4 * OPEN_FIRST_MS, 8 * OPEN_FIRST_MS]
    assert waits == sorted(waits) and waits[-1] == OPEN_MAX_MS


def test_a_trial_whose_process_died_is_given_to_another_one_later(circle: Circle) -> None:
    circle.fails()
    circle.after(OPEN_FIRST_MS)
    assert circle.ours.take_trial(KEY)
    circle.after(TRIAL_MS)
    assert circle.theirs.take_trial(KEY)


def test_stragglers_that_began_before_it_opened_make_the_wait_no_longer(circle: Circle) -> None:
    circle.fails(FAILURES_TO_OPEN + 50)
    assert circle.ours.wait_ms(KEY) == OPEN_FIRST_MS


def test_the_view_is_read_again_every_two_seconds_at_most(circle: Circle) -> None:
    assert not circle.ours.is_fresh()
    circle.ours.refresh()
    assert circle.ours.is_fresh()
    circle.clock.time_ms += 2_000
    assert not circle.ours.is_fresh()
