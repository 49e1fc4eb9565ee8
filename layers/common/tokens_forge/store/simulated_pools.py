"""Pool members' state in memory, with the same operations and conditions as in DynamoDB. For tests and the benchmark only."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from threading import Lock

from tokens_forge.pool_members import Bucket, MemberState, SlotEnd


class SimulatedPoolStore:
    """Implements `pools.PoolStore`. Each operation is atomic, as each call to DynamoDB is."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._states: dict[tuple[str, str], MemberState] = {}

    def read_members(self, channel_id: str) -> dict[str, MemberState]:
        """The state of every member that was ever used, by member id."""
        with self._lock:
            return {member_id: state for (pool, member_id), state in self._states.items() if pool == channel_id}

    def write_member(self, channel_id: str, member_id: str, seen_version: int, state: MemberState) -> bool:
        """Replace the state, and raise its version, if it still has the version that was seen; False when it has not."""
        with self._lock:
            stored = self._states.get((channel_id, member_id), MemberState())
            if stored.version != seen_version:
                return False
            self._states[channel_id, member_id] = replace(state, version=seen_version + 1)
            return True

    def end_slot(self, channel_id: str, member_id: str, end: SlotEnd, *, worked: bool) -> bool:
        """Take a slot away and add what it used; False when it is not there or has expired. `worked` forgets past coolings."""
        with self._lock:
            stored = self._states.get((channel_id, member_id), MemberState())
            if not _is_open(stored, end):
                return False
            ended = _without(stored, end)
            self._states[channel_id, member_id] = replace(ended, coolings=0) if worked else ended
            return True

    def cool_member(self, channel_id: str, member_id: str, end: SlotEnd, until_ms: int) -> bool:
        """The same, and cool the member; False also when it is cooled for longer already."""
        with self._lock:
            stored = self._states.get((channel_id, member_id), MemberState())
            if not _is_open(stored, end) or stored.cooling_until_ms >= until_ms:
                return False
            ended = _without(stored, end)
            self._states[channel_id, member_id] = replace(
                ended, cooling_until_ms=until_ms, coolings=stored.coolings + 1
            )
            return True


def _is_open(stored: MemberState, end: SlotEnd) -> bool:
    return end.slot_id in stored.slots and stored.slots[end.slot_id].expires_at_ms > end.at_ms


def _without(stored: MemberState, end: SlotEnd) -> MemberState:
    used: Counter[Bucket] = Counter(stored.used)
    used.update(end.booked)
    slots = {slot_id: slot for slot_id, slot in stored.slots.items() if slot_id != end.slot_id}
    return replace(stored, version=stored.version + 1, slots=slots, used=used)
