"""The room of one member: slots, rolling windows, cooling."""

from __future__ import annotations

import pytest

from tests.unit.builders import NOW_MS
from tests.unit.pool_builders import HOUR, member
from tokens_forge.channels import PoolMember, QuotaWindow
from tokens_forge.pool_members import (
    Bucket,
    Limit,
    Measure,
    MemberState,
    Slot,
    bookings,
    has_room,
    limits,
    room_at_ms,
    share_left_ppm,
)

BUCKET_MS = 180_000
BEGIN_MS = NOW_MS - NOW_MS % BUCKET_MS  # of a bucket of an hour's window
HOUR_MS = 3_600_000
FRESH = MemberState()
LATER_MS = NOW_MS + 10 * HOUR_MS


def used(tokens: int, at_ms: int, of: PoolMember | None = None) -> MemberState:
    """A member on which one request has ended."""
    return MemberState(version=1, used=bookings(of or member(), tokens, at_ms))


def room(state: MemberState, tokens: int = 1, now_ms: int = NOW_MS, of: PoolMember | None = None) -> bool:
    of = of or member()
    return has_room(of, state.as_of(of, now_ms), tokens, now_ms)


def test_a_member_has_room_as_long_as_a_slot_is_free() -> None:
    one = FRESH.with_slot("s1", Slot(LATER_MS, 10))
    assert room(FRESH) and room(one)
    assert not room(one.with_slot("s2", Slot(LATER_MS, 10)))


def test_a_disabled_or_cooling_member_has_no_room() -> None:
    assert not room(FRESH, of=member(enabled=False))
    cooling = MemberState(cooling_until_ms=NOW_MS + 1)
    assert not room(cooling) and room(cooling, now_ms=NOW_MS + 1)


def test_what_was_used_and_what_is_reserved_and_what_is_asked_for_fit_the_window_together() -> None:
    state = used(500, NOW_MS).with_slot("s1", Slot(LATER_MS, 300))
    assert room(state, tokens=200) and not room(state, tokens=201)


def test_every_window_counts() -> None:
    both = member(windows=(HOUR, QuotaWindow(7 * 24 * 3600, tokens_max=1200)))
    state = used(900, NOW_MS, both)
    then_ms = NOW_MS + 2 * HOUR_MS
    assert not room(state, 301, then_ms, both), "the hour is over, the week is not"
    assert room(state, 300, then_ms, both)


def test_requests_are_limited_like_tokens_and_one_that_failed_is_one_too() -> None:
    three = member(slots=5, windows=(QuotaWindow(3600, requests_max=3),))
    state = used(0, NOW_MS, three).with_slot("s1", Slot(LATER_MS, 0))
    assert room(state, of=three)
    assert not room(state.with_slot("s2", Slot(LATER_MS, 0)), of=three)


def test_nothing_is_counted_that_no_window_limits() -> None:
    assert bookings(member(windows=()), 100, NOW_MS) == {}
    assert {bucket.measure for bucket in bookings(member(), 100, NOW_MS)} == {Measure.TOKENS}


@pytest.mark.parametrize("used_at_ms", [BEGIN_MS, BEGIN_MS + 1, BEGIN_MS + BUCKET_MS - 1])
def test_a_window_forgets_at_the_end_of_a_bucket_and_never_early(used_at_ms: int) -> None:
    state = used(1000, used_at_ms)
    forgotten_ms = BEGIN_MS + BUCKET_MS + HOUR_MS
    assert forgotten_ms > used_at_ms + HOUR_MS
    assert not room(state, now_ms=forgotten_ms - 1) and room(state, now_ms=forgotten_ms)


@pytest.mark.parametrize("length_s", [60, 61, 77, 5 * 3600, 31 * 24 * 3600])
def test_a_bucket_ends_when_the_next_begins_also_where_a_window_is_no_multiple_of_twenty(length_s: int) -> None:
    bucket = Bucket.at(Measure.TOKENS, length_s, NOW_MS)
    ends_ms = bucket.out_at_ms - length_s * 1000
    assert Bucket.at(Measure.TOKENS, length_s, ends_ms - 1) == bucket
    assert Bucket.at(Measure.TOKENS, length_s, ends_ms).number == bucket.number + 1


def test_a_slot_whose_holder_died_expires_and_stays_used_in_full() -> None:
    state = FRESH.with_slot("dead", Slot(NOW_MS, 700)).with_slot("alive", Slot(NOW_MS + 1, 100))
    after = state.as_of(member(), NOW_MS)
    assert set(after.slots) == {"alive"}
    assert after.used_in(3600, Measure.TOKENS) == 700
    assert not room(state, 201) and room(state, 200)


def test_what_is_over_is_not_kept() -> None:
    assert used(5, NOW_MS).as_of(member(), NOW_MS + 2 * HOUR_MS).used == {}


def test_what_is_left_is_told_by_the_tightest_limit() -> None:
    both = member(windows=(HOUR, QuotaWindow(7 * 24 * 3600, tokens_max=100_000)))
    state = used(500, NOW_MS, both).with_slot("s1", Slot(LATER_MS, 250))
    assert share_left_ppm(both, state) == 250_000
    assert share_left_ppm(member(windows=()), FRESH) == 1_000_000
    hour, week = limits(both, state)
    assert hour == Limit(3600, Measure.TOKENS, maximum=1000, used=500, reserved=250)
    assert week.left == 100_000 - 750


def test_room_comes_back_when_the_cooling_ends() -> None:
    assert room_at_ms(member(), MemberState(cooling_until_ms=NOW_MS + 5), 1, NOW_MS) == NOW_MS + 5


def test_room_comes_back_when_enough_has_rolled_out() -> None:
    sums = {**bookings(member(), 300, BEGIN_MS), **bookings(member(), 400, BEGIN_MS + 3 * BUCKET_MS)}
    state, now_ms = MemberState(used=sums), BEGIN_MS + 4 * BUCKET_MS
    assert room_at_ms(member(), state, 300, now_ms) == now_ms
    assert room_at_ms(member(), state, 301, now_ms) == BEGIN_MS + BUCKET_MS + HOUR_MS
    assert room_at_ms(member(), state, 601, now_ms) == BEGIN_MS + 4 * BUCKET_MS + HOUR_MS


@pytest.mark.parametrize(("expires_in_ms", "expected_in_ms"), [(900_000, 2_000), (700, 700)])
def test_a_slot_may_come_back_any_moment_and_at_the_latest_when_it_expires(
    expires_in_ms: int, expected_in_ms: int
) -> None:
    slot = Slot(NOW_MS + expires_in_ms, 600)
    assert room_at_ms(member(slots=1), FRESH.with_slot("s1", slot), 1, NOW_MS) == NOW_MS + expected_in_ms
    assert room_at_ms(member(), FRESH.with_slot("s1", slot), 600, NOW_MS) == NOW_MS + expected_in_ms
    assert room_at_ms(member(), used(400, NOW_MS).with_slot("s1", slot), 600, NOW_MS) == NOW_MS + expected_in_ms


def test_there_is_never_room_on_a_disabled_member_or_for_more_than_a_window_holds() -> None:
    assert room_at_ms(member(enabled=False), FRESH, 1, NOW_MS) is None
    assert room_at_ms(member(), FRESH, 1001, NOW_MS) is None
