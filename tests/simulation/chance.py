"""Chance from one seed: every choice of a run is drawn here, so that the seed alone decides it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

from tokens_forge.ids import time_letters

Thing = TypeVar("Thing")


class Chance:
    """Draws from a seeded generator. No clock, no hash order and no other generator is ever asked."""

    def __init__(self, seed: int) -> None:
        self.unit = random.Random(seed).random  # the same numbers each time are the point
        self._ids = 0

    def happens(self, share: float) -> bool:
        """True in this share of all draws."""
        return self.unit() < share

    def below(self, count: int) -> int:
        """From 0 to count - 1."""
        return int(self.unit() * count)

    def between(self, least: int, most: int) -> int:
        """From `least` to `most`, both included."""
        return least + int(self.unit() * (most - least + 1))

    def one_of(self, things: Sequence[Thing]) -> Thing:
        """One of them, all alike."""
        return things[int(self.unit() * len(things))]

    def ulid(self, now_ms: int) -> str:
        """An identifier of this moment; a counter stands where others have random letters."""
        self._ids += 1
        return f"{time_letters(now_ms)}{self._ids:016d}"
