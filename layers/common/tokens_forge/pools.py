"""Pools: which member of a subscription-account pool serves a request, and how a slot on it is taken and given back.

A conversation stays with one member, found by hashing, so nothing is stored for it; when that member has no room the request goes
to the one with the most. It never waits for a full member while another is idle (docs/decisions/0008-pools.md).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from tokens_forge.channels import Channel, PoolMember
from tokens_forge.clock import Clock
from tokens_forge.ids import iso_of, random_letters
from tokens_forge.pool_choice import Standing, choose, earliest_room_ms
from tokens_forge.pool_members import Limit, MemberState, Slot, SlotEnd, bookings, limits
from tokens_forge.repetition import RetryRule
from tokens_forge.store.port import StoreConflict, StoreSilent, StoreThrottled

SLOT_ID_LETTERS = 16
RACE_LOST_WAIT_S = 1
COOLING_MIN_S = 1
COOLING_MAX_WITHOUT_WINDOWS_S = 3600
COOLING_FIRST_S = 30
COOLING_MORE_S = 15
COOLING_UNTOLD_MAX_S = 120
REFUSED_S = 600
QUOTA_USED_UP = 429

log = logging.getLogger("tokens_forge.pools")


class PoolFull(Exception):
    """No member has room now; `wait_s` says when one may have, None that the request is too large for all of them."""

    def __init__(self, wait_s: int | None) -> None:
        super().__init__(f"in {wait_s} s" if wait_s is not None else "never")
        self.wait_s = wait_s


@dataclass(frozen=True, slots=True)
class Lease:
    """A slot on a member, taken for one request. It expires by itself when nobody gives it back."""

    channel_id: str
    member: PoolMember
    slot_id: str
    coolings: int = 0


@dataclass(frozen=True, slots=True)
class MemberStatus:
    """One member as its operator sees it. Customers never see members."""

    member_id: str
    enabled: bool
    slots: int
    slots_used: int
    limits: tuple[Limit, ...]
    cooling_until_ms: int | None


class PoolStore(Protocol):
    """Where the state of pool members is kept. Each operation is one atomic call."""

    def read_members(self, channel_id: str) -> Mapping[str, MemberState]:
        """The state of every member that was ever used, by member id. A consistent read."""
        ...

    def write_member(self, channel_id: str, member_id: str, seen_version: int, state: MemberState) -> bool:
        """Replace the state, and raise its version, if it still has the version that was seen; False when it has not."""
        ...

    def end_slot(self, channel_id: str, member_id: str, end: SlotEnd, *, worked: bool) -> bool:
        """Take a slot away and add what it used; False when it is not there or has expired. `worked` forgets past coolings."""
        ...

    def cool_member(self, channel_id: str, member_id: str, end: SlotEnd, until_ms: int) -> bool:
        """The same, and cool the member; False also when it is cooled for longer already."""
        ...


class Pools:
    """All of it blocks: call it from a worker thread. Raises StoreFault when the state does not answer.

    `slot_lifetime_s` is longer than any request: a slot that lives longer has lost its holder.
    """

    def __init__(
        self, store: PoolStore, clock: Clock, *, slot_lifetime_s: float, retry: RetryRule | None = None
    ) -> None:
        self._store = store
        self._clock = clock
        self._slot_lifetime_ms = int(slot_lifetime_s * 1000)
        self._retry = retry or RetryRule()

    def reserve(self, channel: Channel, tokens_max: int, sticky_to: str, tried: frozenset[str]) -> Lease:
        """A slot on a member that was not tried yet, for a request of at most so many tokens. Raises PoolFull.

        A write that nobody answered, or that another process overtook, is found or done again by reading again.
        """
        slot_id = random_letters(SLOT_ID_LETTERS)
        for tries in range(1, self._retry.tries_max + 1):
            if tries > 1:
                self._clock.sleep_ms(self._retry.wait_ms(tries - 1))
            try:
                lease = self._try_to_reserve(channel, tokens_max, sticky_to, tried, slot_id)
            except (StoreConflict, StoreThrottled, StoreSilent):
                if tries == self._retry.tries_max:
                    raise
                continue
            if lease is not None:
                return lease
        raise PoolFull(RACE_LOST_WAIT_S)

    def release(self, lease: Lease, tokens: int) -> None:
        """Give the slot back, having used this many tokens. Late or twice it does nothing: the slot is not there any more."""
        where = (lease.channel_id, lease.member.member_id)
        end = _end_of(lease, tokens, self._clock.now_ms())
        self._retry.again(lambda: self._store.end_slot(*where, end, worked=tokens > 0), self._clock)

    def cool(self, lease: Lease, status: int | None, retry_after_s: int | None) -> None:
        """Give the slot back unused, and leave the member alone: after 429 until its quota is reset, else for ten minutes.

        Any other status means that the member's credential is refused or missing, which an operator has to put right.
        """
        now_ms = self._clock.now_ms()
        until_ms = now_ms + 1000 * cooling_s(lease, status, retry_after_s)
        member_id = lease.member.member_id
        why = f"http {status}" if status is not None else "no credential"
        log.warning("member %s of pool %s cools until %s (%s)", member_id, lease.channel_id, iso_of(until_ms), why)
        where = (lease.channel_id, member_id)
        end = _end_of(lease, 0, now_ms)
        if not self._retry.again(lambda: self._store.cool_member(*where, end, until_ms), self._clock):
            self._retry.again(lambda: self._store.end_slot(*where, end, worked=False), self._clock)

    def status(self, channel: Channel) -> list[MemberStatus]:
        """How each member stands now, for operators."""
        members, now_ms = self._read(channel)
        return [
            MemberStatus(
                member_id=member.member_id,
                enabled=member.enabled,
                slots=member.slots,
                slots_used=len(state.slots),
                limits=tuple(limits(member, state)),
                cooling_until_ms=state.cooling_until_ms if state.cooling_until_ms > now_ms else None,
            )
            for member, state in members
        ]

    def _read(self, channel: Channel) -> tuple[list[Standing], int]:
        """Every member with its state, and the moment that it is as of."""
        states, now_ms = self._store.read_members(channel.channel_id), self._clock.now_ms()
        known = [(member, states.get(member.member_id, MemberState())) for member in channel.members]
        return [(member, state.as_of(member, now_ms)) for member, state in known], now_ms

    def _try_to_reserve(
        self, channel: Channel, tokens_max: int, sticky_to: str, tried: frozenset[str], slot_id: str
    ) -> Lease | None:
        """One read and one write; None when another process was faster."""
        members, now_ms = self._read(channel)
        for member, state in members:
            if slot_id in state.slots:  # an earlier write was done after all
                return Lease(channel.channel_id, member, slot_id, state.coolings)
        chosen = choose(members, tokens_max, sticky_to, tried, now_ms)
        if chosen is None:
            room_at_ms = earliest_room_ms(members, tokens_max, now_ms)
            raise PoolFull(max(-(-(room_at_ms - now_ms) // 1000), 1) if room_at_ms is not None else None)
        member, state = chosen
        wanted = state.with_slot(slot_id, Slot(now_ms + self._slot_lifetime_ms, tokens_max))
        if not self._store.write_member(channel.channel_id, member.member_id, state.version, wanted):
            return None
        return Lease(channel.channel_id, member, slot_id, state.coolings)


def _end_of(lease: Lease, tokens: int, now_ms: int) -> SlotEnd:
    return SlotEnd(lease.slot_id, now_ms, bookings(lease.member, tokens, now_ms))


def cooling_s(lease: Lease, status: int | None, retry_after_s: int | None) -> int:
    """For how long to leave a member alone. Told by nobody, the wait is short and grows a little: a long fixed one turns a hiccup
    into an outage."""
    if status != QUOTA_USED_UP:
        return REFUSED_S
    if retry_after_s is None:
        return min(COOLING_FIRST_S + COOLING_MORE_S * lease.coolings, COOLING_UNTOLD_MAX_S)
    longest_s = max((window.length_s for window in lease.member.windows), default=COOLING_MAX_WITHOUT_WINDOWS_S)
    return min(max(retry_after_s, COOLING_MIN_S), longest_s)
