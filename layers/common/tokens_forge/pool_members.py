"""The state of one pool member, and whether it has room: slots, rolling windows, cooling. All of it is pure.

A window of length L is counted in buckets of L/20. Used is whatever lies in a bucket that overlaps the last L, so a window can look
up to a bucket fuller than it is, never emptier. Tokens are booked when their request ends and reserved until then: that covers a
provider which counts a request when it begins and one which counts it when it ends.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from tokens_forge.channels import PoolMember, QuotaWindow

BUCKET_MS_PER_S = 50  # a twentieth of the window's length
SHARE_PPM = 1_000_000
GIVEN_BACK_MS = 2_000  # when the requests that are in the way end is not known: ask again soon


class Measure(StrEnum):
    """What a window counts."""

    TOKENS = "tokens"
    REQUESTS = "requests"


@dataclass(frozen=True, slots=True)
class Bucket:
    """One part of the time of every window of this length; `number` counts them from 1970."""

    measure: Measure
    length_s: int
    number: int

    @classmethod
    def at(cls, measure: Measure, length_s: int, time_ms: int) -> Bucket:
        """The bucket that this moment lies in."""
        return cls(measure, length_s, time_ms // (length_s * BUCKET_MS_PER_S))

    @property
    def out_at_ms(self) -> int:
        """When no part of it lies within the last `length_s` any more."""
        return (self.number + 1) * self.length_s * BUCKET_MS_PER_S + self.length_s * 1000


@dataclass(frozen=True, slots=True)
class Slot:
    """A slot that a request occupies, with the most tokens it can use."""

    expires_at_ms: int
    tokens: int


@dataclass(frozen=True, slots=True)
class SlotEnd:
    """A request gives its slot back at `at_ms`, having used what `booked` says."""

    slot_id: str
    at_ms: int
    booked: Mapping[Bucket, int]


@dataclass(frozen=True, slots=True)
class MemberState:
    """What is known of a member. `version` 0 is a member that nothing was ever written about.

    `coolings` counts how often the member was cooled since it last answered a request.
    """

    version: int = 0
    slots: Mapping[str, Slot] = field(default_factory=dict)
    used: Mapping[Bucket, int] = field(default_factory=dict)
    cooling_until_ms: int = 0
    coolings: int = 0

    @property
    def tokens_reserved(self) -> int:
        """The most that all open requests together can use."""
        return sum(slot.tokens for slot in self.slots.values())

    def used_in(self, length_s: int, measure: Measure) -> int:
        """What ended requests have used of a window."""
        return sum(
            amount for bucket, amount in self.used.items() if bucket.length_s == length_s and bucket.measure is measure
        )

    def as_of(self, member: PoolMember, now_ms: int) -> MemberState:
        """The state without what is over. An expired slot counts as used in full: nobody will ever know better."""
        used: Counter[Bucket] = Counter(self.used)
        for slot in self.slots.values():
            if slot.expires_at_ms <= now_ms:
                used.update(bookings(member, slot.tokens, slot.expires_at_ms))
        return replace(
            self,
            slots={slot_id: slot for slot_id, slot in self.slots.items() if slot.expires_at_ms > now_ms},
            used={bucket: amount for bucket, amount in used.items() if bucket.out_at_ms > now_ms},
        )

    def with_slot(self, slot_id: str, slot: Slot) -> MemberState:
        """The state after a request has taken a slot."""
        return replace(self, slots={**self.slots, slot_id: slot})


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit of one window, and how it stands: what ended requests used, and what open ones may still use."""

    length_s: int
    measure: Measure
    maximum: int
    used: int
    reserved: int

    @property
    def left(self) -> int:
        """Negative when more was used than was reserved for it."""
        return self.maximum - self.used - self.reserved


def limits(member: PoolMember, state: MemberState) -> Iterator[Limit]:
    """Every limit of a member. `state` is as of now."""
    reserved = {Measure.TOKENS: state.tokens_reserved, Measure.REQUESTS: len(state.slots)}
    for window in member.windows:
        for measure, maximum in _maxima(window):
            used = state.used_in(window.length_s, measure)
            yield Limit(window.length_s, measure, maximum, used, reserved[measure])


def bookings(member: PoolMember, tokens: int, at_ms: int) -> dict[Bucket, int]:
    """What a request that ends now adds to each limit. One that failed is a request all the same: providers count those too."""
    amounts = {Measure.TOKENS: tokens, Measure.REQUESTS: 1}
    return {
        Bucket.at(measure, window.length_s, at_ms): amounts[measure]
        for window in member.windows
        for measure, _ in _maxima(window)
        if amounts[measure]
    }


def has_room(member: PoolMember, state: MemberState, tokens: int, now_ms: int) -> bool:
    """Whether the member can take a request of at most this many tokens. `state` is as of now."""
    return (
        member.enabled
        and state.cooling_until_ms <= now_ms
        and len(state.slots) < member.slots
        and all(_need(limit, tokens) <= limit.left for limit in limits(member, state))
    )


def share_left_ppm(member: PoolMember, state: MemberState) -> int:
    """How much of its tightest limit is left."""
    shares = (limit.left * SHARE_PPM // limit.maximum for limit in limits(member, state))
    return min(shares, default=SHARE_PPM)


def room_at_ms(member: PoolMember, state: MemberState, tokens: int, now_ms: int) -> int | None:
    """When a member may have room; None when it never will for so large a request. `state` is as of now."""
    if not member.enabled:
        return None
    moments = [now_ms, state.cooling_until_ms]
    given_back_ms = min([now_ms + GIVEN_BACK_MS, *(slot.expires_at_ms for slot in state.slots.values())])
    if len(state.slots) >= member.slots:
        moments.append(given_back_ms)
    for limit in limits(member, state):
        need = _need(limit, tokens)
        if need > limit.maximum:
            return None
        if need <= limit.left:
            continue
        missing = need + limit.used - limit.maximum
        # What is still missing without the reserved part has to roll out of the window.
        moments.append(given_back_ms if missing <= 0 else _rolled_out_at_ms(state, limit, missing))
    return max(moments)


def _rolled_out_at_ms(state: MemberState, limit: Limit, missing: int) -> int:
    """When this much of what was used has left the window."""
    buckets = [b for b in state.used if b.length_s == limit.length_s and b.measure is limit.measure]
    for bucket in sorted(buckets, key=lambda bucket: bucket.number):
        missing -= state.used[bucket]
        if missing <= 0:
            return bucket.out_at_ms
    raise AssertionError("a request that fits an empty window fits when all has rolled out")


def _need(limit: Limit, tokens: int) -> int:
    return tokens if limit.measure is Measure.TOKENS else 1


def _maxima(window: QuotaWindow) -> Iterator[tuple[Measure, int]]:
    if window.tokens_max is not None:
        yield Measure.TOKENS, window.tokens_max
    if window.requests_max is not None:
        yield Measure.REQUESTS, window.requests_max
