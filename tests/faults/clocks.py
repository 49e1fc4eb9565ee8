"""Clocks of simulated processes: time stands still until somebody waits or moves it, and a process may see it wrongly."""

from __future__ import annotations

from dataclasses import dataclass

from tokens_forge.clock import Clock


@dataclass
class SimulatedClock:
    """The true time. Waiting moves it."""

    time_ms: float

    def now_ms(self) -> int:
        return int(self.time_ms)

    def sleep_ms(self, duration_ms: float) -> None:
        self.time_ms += duration_ms


@dataclass
class SkewedClock:
    """The clock of a process that is `skew_ms` ahead of the true time, or behind it."""

    true: Clock
    skew_ms: int

    def now_ms(self) -> int:
        return self.true.now_ms() + self.skew_ms

    def sleep_ms(self, duration_ms: float) -> None:
        self.true.sleep_ms(duration_ms)
