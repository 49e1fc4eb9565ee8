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


@dataclass
class HandClock:
    """Moves by hand only, and by waiting."""

    time_ms: int = 1_790_000_000_000

    def now_ms(self) -> int:
        return self.time_ms

    def sleep_ms(self, duration_ms: float) -> None:
        self.time_ms += int(duration_ms)

    def pass_s(self, seconds: float) -> int:
        """Let time pass; the time it is then."""
        self.time_ms += int(seconds * 1000)
        return self.time_ms
