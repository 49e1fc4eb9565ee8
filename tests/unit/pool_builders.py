"""A pool of small members for unit tests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.unit.builders import CHANNEL
from tokens_forge.channels import Channel, ChannelKind, PoolMember, QuotaWindow

HOUR = QuotaWindow(3600, tokens_max=1000)  # buckets of 180 s
MEMBER = PoolMember("a", "secret-a", slots=2, windows=(HOUR,))


def member(member_id: str = "a", **changes: Any) -> PoolMember:
    """A member with two slots and 1,000 tokens an hour."""
    return replace(MEMBER, member_id=member_id, credential=f"secret-{member_id}", **changes)


def pool(*members: PoolMember) -> Channel:
    """A pool of these members; of `a`, `b` and `c` if none is named."""
    return replace(
        CHANNEL,
        channel_id="pool",
        kind=ChannelKind.POOL,
        credential="",
        members=members or (member("a"), member("b"), member("c")),
    )
