"""Any history of a pool against a reference that forgets nothing and recounts everything."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
)

from tests.support.clocks import HandClock
from tests.unit.pool_builders import member, pool
from tokens_forge.channels import PoolMember, QuotaWindow
from tokens_forge.pools import Lease, PoolFull, Pools
from tokens_forge.store.simulated_pools import SimulatedPoolStore

LIFETIME_S = 90
windows = st.lists(
    st.builds(
        QuotaWindow,
        length_s=st.integers(60, 400),
        tokens_max=st.integers(1, 500),
        requests_max=st.one_of(st.none(), st.integers(1, 6)),
    ),
    max_size=2,
    unique_by=lambda window: window.length_s,
)
members = st.lists(st.tuples(st.integers(1, 3), windows, st.booleans()), min_size=1, max_size=4)


@dataclass
class Account:
    """What a member's provider and a patient bookkeeper know: every request from its beginning to its end."""

    of: PoolMember
    open: dict[str, tuple[int, int]] = field(default_factory=dict)  # slot: expires, most tokens
    ended: list[tuple[int, int]] = field(default_factory=list)  # when, tokens
    cooling_until_ms: int = 0

    def expire(self, now_ms: int) -> None:
        for slot_id, (expires_at_ms, tokens) in list(self.open.items()):
            if expires_at_ms <= now_ms:
                del self.open[slot_id]
                self.ended.append((expires_at_ms, tokens))

    def recent(self, window: QuotaWindow, now_ms: int) -> list[int]:
        """Tokens of each ended request that lies in a twentieth of the window which the last `length_s` touch."""
        part_ms, begins_ms = window.length_s * 50, now_ms - window.length_s * 1000
        return [tokens for at_ms, tokens in self.ended if (at_ms // part_ms + 1) * part_ms > begins_ms]

    def has_room(self, tokens: int, now_ms: int) -> bool:
        if not self.of.enabled or now_ms < self.cooling_until_ms or len(self.open) >= self.of.slots:
            return False
        reserved = sum(most for _, most in self.open.values())
        for window in self.of.windows:
            recent = self.recent(window, now_ms)
            if window.tokens_max is not None and sum(recent) + reserved + tokens > window.tokens_max:
                return False
            if window.requests_max is not None and len(recent) + len(self.open) + 1 > window.requests_max:
                return False
        return True


class AnyHistory(RuleBasedStateMachine):
    """Requests that begin, end, end twice, are refused or forgotten, while time passes."""

    leases: Bundle[Lease] = Bundle("leases")
    ended: Bundle[Lease] = Bundle("ended")

    @initialize(made=members)
    def a_pool(self, made: list[tuple[int, list[QuotaWindow], bool]]) -> None:
        self.clock = HandClock()
        self.pools = Pools(SimulatedPoolStore(), self.clock, slot_lifetime_s=LIFETIME_S)
        self.channel = pool(
            *(
                member(f"m{number}", slots=slots, windows=tuple(limits), enabled=enabled)
                for number, (slots, limits, enabled) in enumerate(made)
            )
        )
        self.accounts = {each.member_id: Account(each) for each in self.channel.members}

    @rule(
        target=leases,
        tokens=st.integers(0, 300),
        talk=st.sampled_from("xyz"),
        tried=st.sets(st.sampled_from(["m0", "m1"])),
    )
    def begin(self, tokens: int, talk: str, tried: set[str]) -> Lease | MultipleResults[Lease]:
        now_ms = self._now_ms()
        able = {name for name, known in self.accounts.items() if known.has_room(tokens, now_ms)} - tried
        try:
            lease = self.pools.reserve(self.channel, tokens, talk, frozenset(tried))
        except PoolFull:
            assert not able, "refused while a member had room"
            return multiple()
        assert lease.member.member_id in able
        self.accounts[lease.member.member_id].open[lease.slot_id] = (now_ms + LIFETIME_S * 1000, tokens)
        return lease

    @rule(target=ended, lease=consumes(leases), used=st.integers(0, 300))
    def end(self, lease: Lease, used: int) -> Lease:
        now_ms = self._now_ms()
        known = self.accounts[lease.member.member_id]
        if known.open.pop(lease.slot_id, None) is not None:  # else it has expired, and nobody knows better
            known.ended.append((now_ms, used))
        self.pools.release(lease, used)
        return lease

    @rule(target=ended, lease=consumes(leases), wait_s=st.integers(0, 500))
    def refuse(self, lease: Lease, wait_s: int) -> Lease:
        now_ms = self._now_ms()
        known = self.accounts[lease.member.member_id]
        if known.open.pop(lease.slot_id, None) is not None:
            known.ended.append((now_ms, 0))
            longest_s = max((window.length_s for window in lease.member.windows), default=3600)
            until_ms = now_ms + 1000 * min(max(wait_s, 1), longest_s)
            known.cooling_until_ms = max(known.cooling_until_ms, until_ms)
        self.pools.cool(lease, 429, wait_s)
        return lease

    @rule(lease=ended, used=st.integers(0, 300))
    def end_again(self, lease: Lease, used: int) -> None:
        self.pools.release(lease, used)
        self.pools.cool(lease, 429, 50)

    @rule(seconds=st.one_of(st.integers(0, 20), st.integers(21, 900)))
    def wait(self, seconds: int) -> None:
        self.clock.pass_s(seconds)

    @invariant()
    def the_operator_sees_what_the_bookkeeper_knows(self) -> None:
        now_ms = self._now_ms()
        for found in self.pools.status(self.channel):
            known = self.accounts[found.member_id]
            assert found.slots_used == len(known.open) <= known.of.slots
            assert found.cooling_until_ms == (known.cooling_until_ms if known.cooling_until_ms > now_ms else None)
            expected = []
            for window in known.of.windows:
                recent = known.recent(window, now_ms)
                expected.append((window.length_s, sum(recent), sum(most for _, most in known.open.values())))
                if window.requests_max is not None:
                    expected.append((window.length_s, len(recent), len(known.open)))
            assert [(limit.length_s, limit.used, limit.reserved) for limit in found.limits] == expected

    def _now_ms(self) -> int:
        now_ms = self.clock.now_ms()
        for known in self.accounts.values():
            known.expire(now_ms)
        return now_ms


AnyHistory.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestAnyHistory = AnyHistory.TestCase
