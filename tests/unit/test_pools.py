"""Slots taken and given back, coolings, and what the store's faults do to them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from tests.support.clocks import HandClock
from tests.unit.pool_builders import member, pool
from tokens_forge.channels import Channel, QuotaWindow
from tokens_forge.pool_members import Measure, MemberState, SlotEnd
from tokens_forge.pools import Lease, MemberStatus, PoolFull, Pools
from tokens_forge.repetition import RetryRule
from tokens_forge.store.port import StoreSilent
from tokens_forge.store.simulated_pools import SimulatedPoolStore

TRIES = 4
LIFETIME_S = 900
POOL = pool()


class Rough(SimulatedPoolStore):
    """A store that loses answers, and whose members others change meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self.lose_next = 0
        self.before_write: Callable[[], None] | None = None
        self.reads = 0

    def read_members(self, channel_id: str) -> dict[str, MemberState]:
        self.reads += 1
        return super().read_members(channel_id)

    def write_member(self, channel_id: str, member_id: str, seen_version: int, state: MemberState) -> bool:
        if self.before_write is not None:
            self.before_write()
        return self._answer(super().write_member(channel_id, member_id, seen_version, state))

    def end_slot(self, channel_id: str, member_id: str, end: SlotEnd, *, worked: bool) -> bool:
        return self._answer(super().end_slot(channel_id, member_id, end, worked=worked))

    def cool_member(self, channel_id: str, member_id: str, end: SlotEnd, until_ms: int) -> bool:
        return self._answer(super().cool_member(channel_id, member_id, end, until_ms))

    def _answer(self, done: bool) -> bool:
        if self.lose_next:
            self.lose_next -= 1
            raise StoreSilent("carried out, and the answer lost")
        return done


@dataclass
class Bench:
    """A pool of three members, on a clock that is moved by hand."""

    store: Rough = field(default_factory=Rough)
    clock: HandClock = field(default_factory=HandClock)

    @property
    def pools(self) -> Pools:
        return Pools(
            self.store, self.clock, slot_lifetime_s=LIFETIME_S, retry=RetryRule(TRIES, random_unit=lambda: 0.5)
        )

    def take(self, tokens: int = 100, *, of: Channel = POOL, talk: str = "talk", tried: tuple[str, ...] = ()) -> Lease:
        return self.pools.reserve(of, tokens, talk, frozenset(tried))

    def status(self, member_id: str, of: Channel = POOL) -> MemberStatus:
        return next(found for found in self.pools.status(of) if found.member_id == member_id)

    def used(self, member_id: str, of: Channel = POOL) -> int:
        return self.status(member_id, of).limits[0].used

    def reserved(self, member_id: str, of: Channel = POOL) -> int:
        return self.status(member_id, of).limits[0].reserved


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_slot_reserves_the_bound_and_its_end_books_what_was_really_used(bench: Bench) -> None:
    lease = bench.take(400)
    name = lease.member.member_id
    assert (bench.status(name).slots_used, bench.reserved(name), bench.used(name)) == (1, 400, 0)
    bench.pools.release(lease, 30)
    assert (bench.status(name).slots_used, bench.reserved(name), bench.used(name)) == (0, 0, 30)


def test_a_request_that_used_more_than_its_bound_is_booked_in_full(bench: Bench) -> None:
    lease = bench.take(10)
    bench.pools.release(lease, 990)
    assert bench.used(lease.member.member_id) == 990


def test_a_release_that_comes_twice_does_nothing(bench: Bench) -> None:
    lease = bench.take()
    bench.pools.release(lease, 30)
    bench.pools.release(lease, 50)
    assert bench.used(lease.member.member_id) == 30


@pytest.mark.parametrize("written_off", [False, True])
def test_a_release_that_comes_late_does_nothing(bench: Bench, written_off: bool) -> None:
    lease = bench.take(400)
    name = lease.member.member_id
    bench.clock.pass_s(LIFETIME_S)
    if written_off:
        bench.take(1)  # the same conversation, so the same member: its expired slot goes with this write
    bench.pools.release(lease, 30)
    assert (bench.status(name).slots_used, bench.used(name)) == (int(written_off), 400)


def test_a_slot_lives_as_long_as_it_says_and_no_longer(bench: Bench) -> None:
    one_slot = pool(member("a", slots=1))
    bench.take(of=one_slot)
    bench.clock.pass_s(LIFETIME_S - 0.001)
    with pytest.raises(PoolFull):
        bench.take(of=one_slot)
    bench.clock.pass_s(0.001)
    assert bench.take(of=one_slot).member.member_id == "a"
    assert bench.used("a", one_slot) == 100, "what the lost holder could have used"


def test_every_slot_of_the_pool_can_be_taken_and_none_twice(bench: Bench) -> None:
    leases = [bench.take() for _ in range(6)]
    assert len({(lease.member.member_id, lease.slot_id) for lease in leases}) == 6
    assert [bench.status(name).slots_used for name in ("a", "b", "c")] == [2, 2, 2]
    with pytest.raises(PoolFull) as full:
        bench.take()
    assert full.value.wait_s == 2


def test_a_pool_that_is_full_says_when_a_member_has_room(bench: Bench) -> None:
    for wait_s in (70, 50, 60):
        bench.pools.cool(bench.take(), 429, wait_s)
    with pytest.raises(PoolFull) as full:
        bench.take()
    assert full.value.wait_s == 50
    with pytest.raises(PoolFull) as never:
        bench.take(1001)
    assert never.value.wait_s is None


def test_a_member_that_was_tried_is_not_given_again(bench: Bench) -> None:
    home = bench.take().member.member_id
    other = bench.take(tried=(home,)).member.member_id
    third = bench.take(tried=(home, other)).member.member_id
    assert {home, other, third} == {"a", "b", "c"}
    with pytest.raises(PoolFull):
        bench.take(tried=(home, other, third))


@pytest.mark.parametrize(
    ("status", "retry_after_s", "cooled_s"),
    [
        (429, 0, 1),
        (429, 7, 7),
        (429, 100_000, 3600),  # the member's longest window
        (429, None, 30),
        (401, None, 600),
        (403, 5, 600),
        (None, None, 600),  # it has no credential
    ],
)
def test_a_member_cools_as_long_as_its_answer_says(
    bench: Bench, status: int | None, retry_after_s: int | None, cooled_s: int
) -> None:
    lease = bench.take(400)
    name = lease.member.member_id
    bench.pools.cool(lease, status, retry_after_s)
    found = bench.status(name)
    assert found.cooling_until_ms == bench.clock.now_ms() + cooled_s * 1000
    assert (found.slots_used, bench.reserved(name), bench.used(name)) == (0, 0, 0)
    assert bench.take().member.member_id != name
    bench.clock.pass_s(cooled_s)
    assert bench.status(name).cooling_until_ms is None
    assert bench.take().member.member_id == name, "the conversation comes home"


def test_a_member_without_windows_cools_an_hour_at_most(bench: Bench) -> None:
    free = pool(member("a", windows=()))
    bench.pools.cool(bench.take(of=free), 429, 100_000)
    assert bench.status("a", free).cooling_until_ms == bench.clock.now_ms() + 3_600_000


def test_a_cooling_that_nobody_set_a_time_for_grows_a_little_and_is_forgotten_by_an_answer(bench: Bench) -> None:
    one = pool(member("a"))
    waits_s = []
    for _ in range(8):
        bench.pools.cool(bench.take(1, of=one), 429, None)
        until_ms = bench.status("a", one).cooling_until_ms
        assert until_ms is not None
        waits_s.append((until_ms - bench.clock.now_ms()) // 1000)
        bench.clock.time_ms = until_ms
    assert waits_s == [30, 45, 60, 75, 90, 105, 120, 120]
    for tokens, wait_ms in ((0, 120_000), (1, 30_000)):  # a request that failed is no answer
        bench.pools.release(bench.take(1, of=one), tokens)
        bench.pools.cool(bench.take(1, of=one), 429, None)
        assert bench.status("a", one).cooling_until_ms == bench.clock.now_ms() + wait_ms
        bench.clock.pass_s(wait_ms / 1000)


def test_a_shorter_cooling_never_ends_a_longer_one_but_frees_its_slot(bench: Bench) -> None:
    one = pool(member("a"))
    first, second = bench.take(of=one), bench.take(of=one)
    bench.pools.cool(first, 429, 300)
    bench.pools.cool(second, 429, 2)
    found = bench.status("a", one)
    assert found.cooling_until_ms == bench.clock.now_ms() + 300_000 and found.slots_used == 0


def test_a_refused_request_counts_where_requests_are_limited(bench: Bench) -> None:
    counted = pool(member("a", windows=(QuotaWindow(3600, requests_max=2),)))
    bench.pools.cool(bench.take(of=counted), 429, 1)
    bench.clock.pass_s(1)
    bench.pools.release(bench.take(of=counted), 0)
    assert bench.status("a", counted).limits[0].measure is Measure.REQUESTS
    assert bench.used("a", counted) == 2
    with pytest.raises(PoolFull):
        bench.take(of=counted)


def test_a_cooling_is_logged_with_the_member_and_without_its_credential(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    lease = bench.take()
    with caplog.at_level(logging.WARNING):
        bench.pools.cool(lease, 401, None)
    assert f"member {lease.member.member_id} of pool pool cools" in caplog.text and "http 401" in caplog.text
    assert lease.member.credential not in caplog.text


def test_a_lost_answer_to_a_reservation_leaves_one_slot(bench: Bench) -> None:
    narrow = pool(*(member(name, slots=1) for name in ("a", "b", "c")))  # its own slot looks like another's
    bench.store.lose_next = 1
    lease = bench.take(of=narrow)
    assert sum(found.slots_used for found in bench.pools.status(narrow)) == 1
    bench.pools.release(lease, 5)
    assert bench.used(lease.member.member_id, narrow) == 5


@pytest.mark.parametrize("cools", [False, True])
def test_a_lost_answer_to_a_release_or_a_cooling_books_it_once(bench: Bench, cools: bool) -> None:
    counted = pool(member("a", windows=(QuotaWindow(3600, tokens_max=1000, requests_max=9),)))
    lease = bench.take(of=counted)
    bench.store.lose_next = 1
    if cools:
        bench.pools.cool(lease, 429, 60)
        assert bench.status("a", counted).cooling_until_ms is not None
    else:
        bench.pools.release(lease, 7)
    found = bench.status("a", counted)
    assert [limit.used for limit in found.limits] == [0 if cools else 7, 1] and found.slots_used == 0


def test_a_store_that_stays_silent_is_given_up_on(bench: Bench) -> None:
    lease = bench.take()
    bench.store.lose_next = 100
    with pytest.raises(StoreSilent):
        bench.pools.release(lease, 1)
    assert bench.store.lose_next == 100 - TRIES


def test_a_lost_race_is_run_again_and_given_up_with_a_short_wait(bench: Bench) -> None:
    def overtake() -> None:
        for name in ("a", "b", "c"):
            states = SimulatedPoolStore.read_members(bench.store, "pool")
            state = states.get(name, MemberState())
            SimulatedPoolStore.write_member(bench.store, "pool", name, state.version, replace(state))

    bench.store.before_write = overtake
    with pytest.raises(PoolFull) as full:
        bench.take()
    assert (full.value.wait_s, bench.store.reads) == (1, TRIES)

    bench.store.before_write = None
    assert bench.take().member.member_id in ("a", "b", "c")
