"""Repetition: how often, and after which waits, the store is asked again where asking again is harmless."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import SystemRandom
from typing import TypeVar

from tokens_forge.clock import Clock
from tokens_forge.store.port import StoreConflict, StoreSilent, StoreThrottled

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class RetryRule:
    """Exponential backoff with full jitter, and a bound. `random_unit` gives numbers in [0, 1)."""

    tries_max: int = 8
    first_wait_ms: float = 4
    wait_max_ms: float = 400
    # Not from a generator with a state: Lambda starts many processes from one snapshot of it, and all would wait alike.
    random_unit: Callable[[], float] = field(default=SystemRandom().random)

    def wait_ms(self, tries: int) -> float:
        """How long to wait after this many failed tries."""
        return self.random_unit() * min(self.wait_max_ms, self.first_wait_ms * 2.0 ** (tries - 1))

    def again(self, operation: Callable[[], Answer], clock: Clock) -> Answer:
        """Do it until the store answers, at most `tries_max` times; the last fault is raised. Blocks."""
        tries = 1
        while True:
            try:
                return operation()
            except (StoreConflict, StoreThrottled, StoreSilent):
                if tries >= self.tries_max:
                    raise
            clock.sleep_ms(self.wait_ms(tries))
            tries += 1
