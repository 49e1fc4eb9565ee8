"""Clocks for tests."""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass
class ShiftedClock:
    """The machine's clock, moved: what a process sees that looks later, or whose clock is wrong."""

    shift_ms: int = 0

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000 + self.shift_ms

    def sleep_ms(self, duration_ms: float) -> None:
        time.sleep(duration_ms / 1000)


MINUTE_MS = 60_000
