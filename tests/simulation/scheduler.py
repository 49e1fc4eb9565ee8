"""Processes and threads that take turns: chance picks who runs next, and how much time passes meanwhile.

Product code blocks, so each thread is a greenlet: it runs until its next call to a store, and only then may another one go on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Any

from greenlet import greenlet

from tests.simulation.chance import Chance
from tests.support.dynamodb_faults import Crash

STEPS_MAX = 20_000  # a run that takes longer than this hangs
LULL_MS_MAX = 300  # what passes in one step, as a rule
JUMP_MS_MAX = 240_000


@dataclass(eq=False)
class Process:
    """What dies as a whole. It is a clock too: its own, which may be wrong by minutes."""

    scheduler: Scheduler
    name: str
    skew_ms: int = 0
    alive: bool = True

    def now_ms(self) -> int:
        return self.scheduler.now_ms + self.skew_ms

    def sleep_ms(self, duration_ms: float) -> None:
        self.scheduler.sleep_ms(duration_ms)

    def start(self, body: Callable[[], None]) -> None:
        """Begin a thread of this process."""
        self.scheduler.start(self, body)


@dataclass(eq=False, slots=True)
class Thread:
    """A thread of a process."""

    process: Process
    greenlet: Any


@dataclass
class Scheduler:
    """Runs threads and planned events until none is left. `before_each_step` may let the world do something, too."""

    chance: Chance
    now_ms: int
    jump_share: float
    before_each_step: Callable[[], None] = field(default=lambda: None)
    steps: int = 0
    current: Thread | None = None
    runs: str = "nobody"  # the name of the process that runs now

    def __post_init__(self) -> None:
        self._hub = greenlet.getcurrent()
        self._ready: list[Thread] = []
        self._later: list[tuple[int, int, Thread | Callable[[], None]]] = []
        self._planned = 0

    def start(self, process: Process, body: Callable[[], None]) -> None:
        """Begin a thread. It takes its first turn when chance says so."""

        def run() -> None:
            try:
                body()
            except Crash:
                process.alive = False

        self._ready.append(Thread(process, greenlet(run, parent=self._hub)))

    def at(self, time_ms: int, event: Callable[[], None]) -> None:
        """Let something happen at a time."""
        self._planned += 1
        heappush(self._later, (time_ms, self._planned, event))

    def pause(self) -> None:
        """Called by a thread: another one may go on now."""
        thread = self.current
        if thread is not None:
            self._ready.append(thread)
            self._hub.switch()

    def sleep_ms(self, duration_ms: float) -> None:
        """Called by a thread: go on after this time at the earliest."""
        thread = self.current
        assert thread is not None, "nobody else has to wait"
        self._planned += 1
        heappush(self._later, (self.now_ms + int(duration_ms), self._planned, thread))
        self._hub.switch()

    def run(self) -> None:
        """Until nothing is left to do."""
        unit, ready, later = self.chance.unit, self._ready, self._later
        while ready or later:
            self.steps += 1
            assert self.steps < STEPS_MAX, "this run does not come to an end"
            self.before_each_step()
            self.now_ms += int(unit() * (JUMP_MS_MAX if unit() < self.jump_share else LULL_MS_MAX))
            if not ready:
                self.now_ms = max(self.now_ms, later[0][0])
            while later and later[0][0] <= self.now_ms:
                due = heappop(later)[2]
                if isinstance(due, Thread):
                    ready.append(due)
                else:
                    due()
            if ready:
                self._give_a_turn(ready, int(unit() * len(ready)))

    def _give_a_turn(self, ready: list[Thread], index: int) -> None:
        thread, ready[index] = ready[index], ready[-1]
        ready.pop()
        if not thread.process.alive:
            if thread.greenlet:
                thread.greenlet.throw()  # it dies where it stands; nothing of the product survives that
            return
        self.current, self.runs = thread, thread.process.name
        thread.greenlet.switch()
        self.current, self.runs = None, "nobody"
