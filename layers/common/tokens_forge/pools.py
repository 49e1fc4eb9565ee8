"""Pools: which member of a subscription-account pool serves a request, and how a slot on it is taken and given back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from tokens_forge.channels import Channel, PoolMember
from tokens_forge.clock import Clock
from tokens_forge.quotes import Quote


class PoolFull(Exception):
    """No member has room now; `wait_s` says when one may have."""

    def __init__(self, wait_s: int) -> None:
        super().__init__(f"in {wait_s} s")
        self.wait_s = wait_s


@dataclass(frozen=True, slots=True)
class Lease:
    """A slot on a member, taken for one request. It expires by itself when nobody gives it back."""

    channel_id: str
    member: PoolMember
    slot_id: str


class PoolStore(Protocol):
    """Where the state of pool members is kept."""


class Pools:
    """All of it blocks: call it from a worker thread. Raises StoreFault when the state does not answer."""

    def __init__(self, store: PoolStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def reserve(self, channel: Channel, quoted: Quote, tried: frozenset[str]) -> Lease:
        """A slot on a member that was not tried yet. Raises PoolFull."""
        raise NotImplementedError

    def release(self, lease: Lease, tokens: int) -> None:
        """Give the slot back, having used this many tokens."""
        raise NotImplementedError

    def cool(self, lease: Lease, status: int | None, retry_after_s: int | None) -> None:
        """Give the slot back, and leave the member alone until its quota is reset."""
        raise NotImplementedError
