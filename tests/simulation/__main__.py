"""Replay one seed with everything that happens in it: `python -m tests.simulation SEED`."""

from __future__ import annotations

import sys

from tests.simulation.run import simulate

if __name__ == "__main__":
    result = simulate(int(sys.argv[1]), trace=print)
    print(result)
