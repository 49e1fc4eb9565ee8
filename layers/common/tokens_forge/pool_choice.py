"""Choice: which of a pool's members takes a request. All of it is pure.

The member of the conversation comes first: the one whose hash with it is the largest (rendezvous hashing), so that a member which
comes or goes moves only the conversations of its own. When it has no room, the member with the most free slots takes the request,
and among equals the one with the largest share of its quota left.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from tokens_forge.channels import PoolMember
from tokens_forge.pool_members import MemberState, has_room, room_at_ms, share_left_ppm

Standing = tuple[PoolMember, MemberState]
"""A member, and its state as of now."""


def choose(
    members: Sequence[Standing], tokens: int, sticky_to: str, tried: frozenset[str], now_ms: int
) -> Standing | None:
    """The member that takes a request of at most this many tokens; None when no member has room."""
    with_room = [
        (member, state)
        for member, state in members
        if member.member_id not in tried and has_room(member, state, tokens, now_ms)
    ]
    enabled = [member for member, _ in members if member.enabled]
    home_id = max((affinity(sticky_to, member) for member in enabled), default=(b"", ""))[1]

    def rank(standing: Standing) -> tuple[bool, int, int, bytes]:
        member, state = standing
        free_slots = member.slots - len(state.slots)
        return (
            member.member_id == home_id,
            free_slots,
            share_left_ppm(member, state),
            affinity(sticky_to, member)[0],
        )

    return max(with_room, key=rank, default=None)


def affinity(sticky_to: str, member: PoolMember) -> tuple[bytes, str]:
    """How much a conversation belongs to a member: the largest wins."""
    return hashlib.sha256(f"{sticky_to} {member.member_id}".encode()).digest(), member.member_id


def earliest_room_ms(members: Sequence[Standing], tokens: int, now_ms: int) -> int | None:
    """When some member may have room; None when none ever will for so large a request."""
    moments = (room_at_ms(member, state, tokens, now_ms) for member, state in members)
    return min((moment for moment in moments if moment is not None), default=None)
