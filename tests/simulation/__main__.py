"""Replay one seed with everything that happens in it: `python -m tests.simulation SEED`."""

from __future__ import annotations

import sys

from tests.simulation.run import simulate

if __name__ == "__main__":
    seed = int(sys.argv[1])
    result = simulate(seed, trace=print)
    for name, count in sorted((result.faults + result.met).items()):
        print(f"{count:6} {name}")
    print(f"seed {seed} holds, {result.steps} steps")
