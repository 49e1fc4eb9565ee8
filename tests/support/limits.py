"""A limit store for keys without limits."""

from __future__ import annotations

from tokens_forge.keys import KeyLimits
from tokens_forge.limits import MinuteUse


class NoLimits:
    """Implements `limits.LimitStore`: for keys without limits it must not be asked."""

    def count(self, key_id: str, minute: int, tokens: int, limits: KeyLimits) -> MinuteUse:
        raise NotImplementedError

    def take_slot(self, key_id: str, slot: str, expires_at_ms: int, slots_max: int, now_ms: int) -> bool:
        raise NotImplementedError

    def free_slot(self, key_id: str, slot: str) -> None:
        raise NotImplementedError
