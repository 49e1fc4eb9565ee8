"""Fresh seeds for as long as told: `python -m tests.simulation.soak SECONDS`. Replay one: `python -m tests.simulation SEED`."""

from __future__ import annotations

import os
import sys
import time

from tests.simulation.many import Summary, run_many

SEEDS_MAX = 10**9


def soak(duration_s: float, first_seed: int, workers: int) -> Summary:
    """Run until the time is over, and say at each step how it goes."""
    began_s, total, said_s = time.monotonic(), Summary(), 0.0

    def passed_s() -> float:
        return time.monotonic() - began_s

    for part in run_many(range(first_seed, first_seed + SEEDS_MAX), workers, lambda: passed_s() < duration_s):
        total.add(part)
        for seed, what in part.failures.items():
            print(f"SEED {seed} FAILED: {what}", flush=True)
        if passed_s() - said_s > 10:
            said_s = passed_s()
            print(f"{said_s:.0f} s: {total.seeds} seeds, {total.seeds / said_s:.0f} a second", flush=True)
    print(total)
    print(f"{total.seeds / passed_s():.0f} seeds a second; the first was {first_seed}")
    return total


if __name__ == "__main__":
    # The clock chooses where to begin, and nothing after that: seeds that nobody has run before.
    sys.exit(bool(soak(float(sys.argv[1]), time.time_ns() // 10**6 * 1000, os.cpu_count() or 1).failures))
