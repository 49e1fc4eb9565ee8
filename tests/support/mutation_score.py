"""Reads `mutmut results --all true` and says how many changes to each module the tests have noticed.

    mutmut results --all true | python -m tests.support.mutation_score

Ends non-zero under 95 %, and when there is nothing to read. A change that makes a test run without end counts as noticed.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable

SCORE_MIN = 0.95
_NOTICED = {"killed", "timeout"}


def score(lines: Iterable[str]) -> tuple[Counter[str], Counter[str]]:
    """Changes in all and changes that were noticed, by module."""
    made, noticed = Counter[str](), Counter[str]()
    for line in lines:
        mutant, _, status = line.strip().rpartition(": ")
        if "__mutmut_" not in mutant:
            continue
        module = mutant.partition(".x")[0]
        made[module] += 1
        noticed[module] += status in _NOTICED
    return made, noticed


def main() -> int:
    made, noticed = score(sys.stdin)
    for module in sorted(made):
        print(f"{module:40} {noticed[module]:4} of {made[module]:4}  {noticed[module] / made[module]:6.1%}")
    if not made:
        print("no results")
        return 1
    total = noticed.total() / made.total()
    print(f"{'in all':40} {noticed.total():4} of {made.total():4}  {total:6.1%}")
    return 0 if total >= SCORE_MIN else 1


if __name__ == "__main__":
    sys.exit(main())
