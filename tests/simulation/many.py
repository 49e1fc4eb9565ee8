"""Many seeds, on several processes, and what they met together."""

from __future__ import annotations

import gc
import multiprocessing
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from tests.simulation.run import simulate
from tests.simulation.world import Parts

SEEDS_PER_TASK = 25


@dataclass
class Summary:
    """What some seeds gave. `failures` has a line for each seed that broke a promise."""

    seeds: int = 0
    steps: int = 0
    cpu_s: float = 0.0
    faults: Counter[str] = field(default_factory=Counter)
    met: Counter[str] = field(default_factory=Counter)
    failures: dict[int, str] = field(default_factory=dict)

    def add(self, other: Summary) -> None:
        self.seeds += other.seeds
        self.steps += other.steps
        self.cpu_s += other.cpu_s
        self.faults += other.faults
        self.met += other.met
        self.failures |= other.failures

    def __str__(self) -> str:
        return (
            f"simulation: {self.seeds} seeds, {self.steps} steps, {self.cpu_s:.1f} CPU seconds, "
            f"{len(self.failures)} failed\n  faults: {_counted(self.faults)}\n  met: {_counted(self.met)}"
            + "".join(f"\n  SEED {seed}: {what}" for seed, what in sorted(self.failures.items()))
        )


def run_seeds(seeds: range, parts: Parts | None = None) -> Summary:
    """In this process, one after the other."""
    began_s, summary = time.process_time(), Summary()
    for seed in seeds:
        summary.seeds += 1
        try:
            result = simulate(seed, parts)
        except Exception as broken:  # noqa: BLE001 - whatever it is, this seed failed, and the next one is due
            summary.failures[seed] = f"{type(broken).__name__}: {broken}"[:300]
            continue
        summary.steps += result.steps
        summary.faults += result.faults
        summary.met += result.met
    summary.cpu_s = time.process_time() - began_s
    return summary


def run_many(seeds: range, workers: int, go_on: Callable[[], bool] = lambda: True) -> Iterator[Summary]:
    """On several processes; a summary for each part as it is done, in order, for as long as `go_on` says so."""
    tasks = (range(first, min(first + SEEDS_PER_TASK, seeds.stop)) for first in seeds[::SEEDS_PER_TASK])
    with multiprocessing.get_context("spawn").Pool(workers, initializer=_ready) as pool:
        while go_on() and (round_of_tasks := list(islice(tasks, workers * 8))):
            yield from pool.imap(run_seeds, round_of_tasks)


def _ready() -> None:
    """The collector need not look at the modules again and again."""
    gc.freeze()
    gc.set_threshold(50_000)


def _counted(counter: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counter.items()) if count)
