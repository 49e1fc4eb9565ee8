"""Makes golden_prices.json: prices worked out with exact fractions, by other formulas than the product's.

    python -m tests.properties.golden_prices

Run once; the file is committed, and test_prices.py holds the product to every line of it. Nothing of the product is imported here.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from fractions import Fraction
from math import ceil, floor
from pathlib import Path

FILE = Path(__file__).with_suffix(".json")
MOST_TOKENS = 10**9
Four = tuple[int, int, int, int]  # input, cached input, cache write, output

# Nano of the currency per 1,000,000 tokens: 0.15 dollars are 150,000,000.
PRICES: list[Four] = [
    (150_000_000, 75_000_000, 150_000_000, 600_000_000),
    (2_500_000_000, 1_250_000_000, 2_500_000_000, 10_000_000_000),
    (3_000_000_000, 300_000_000, 3_750_000_000, 15_000_000_000),
    (20_000_000, 20_000_000, 20_000_000, 0),  # embeddings
    (0, 0, 0, 40_000_000_000),  # only what is made costs
    (1, 0, 0, 1),  # the smallest there is
    (333_333, 1, 999_999, 1_000_001),
    (150_000_000_000, 75_000_000_000, 187_500_000_000, 600_000_000_000),
]
MULTIPLIERS = [1_000_000, 1_800_000, 1, 999_999, 7_123_457, 333_333]
TOKENS: list[Four] = [
    (0, 0, 0, 0),
    (1, 0, 0, 0),
    (0, 1, 0, 0),
    (0, 0, 1, 0),
    (0, 0, 0, 1),
    (1_000_000, 0, 0, 0),
    (999_999, 1, 1, 999_999),
    (123, 4_567, 89, 1_011),
    (MOST_TOKENS, MOST_TOKENS, MOST_TOKENS, MOST_TOKENS),
]


@dataclass(frozen=True)
class Golden:
    """One line. `tiers` are (tokens sent above, prices); `worst` and `affordable` are for the two bounds and the budget."""

    prices: Four
    tiers: tuple[tuple[int, Four], ...]
    multiplier_ppm: int
    tokens: Four
    charge: int
    input_max: int
    output_max: int
    worst: int
    budget: int
    affordable: int


def cost(tokens: Four, prices: Four, multiplier_ppm: int) -> Fraction:
    """The exact cost, in nano."""
    dollars = sum(Fraction(count, 10**6) * Fraction(price, 10**9) for count, price in zip(tokens, prices, strict=True))
    return dollars * Fraction(multiplier_ppm, 10**6) * 10**9


def golden(
    prices: Four,
    tiers: tuple[tuple[int, Four], ...],
    multiplier_ppm: int,
    tokens: Four,
    bounds: tuple[int, int],
    budget: int | None,
) -> Golden:
    """Work one line out. Without a budget it is the one that the bounds just fit."""
    sent = tokens[0] + tokens[1] + tokens[2]
    steps = [prices] + [tier for above, tier in sorted(tiers) if sent > above]
    input_max, output_max = bounds
    reachable = [prices] + [tier for above, tier in tiers if input_max > above]
    worst = max(
        cost(usage, tier, multiplier_ppm)
        for tier in reachable
        for usage in ((input_max, 0, 0, output_max), (0, input_max, 0, output_max), (0, 0, input_max, output_max))
    )
    spendable = ceil(worst) if budget is None else budget
    return Golden(
        prices,
        tiers,
        multiplier_ppm,
        tokens,
        charge=ceil(cost(tokens, steps[-1], multiplier_ppm)),
        input_max=input_max,
        output_max=output_max,
        worst=ceil(worst),
        budget=spendable,
        affordable=min(_affordable(tier, multiplier_ppm, input_max, spendable) for tier in reachable),
    )


def _affordable(prices: Four, multiplier_ppm: int, input_max: int, budget: int) -> int:
    """How many output tokens the budget has left at these prices: a division, where the product searches."""
    left = budget - max(cost(tokens, prices, multiplier_ppm) for tokens in _one_bucket(input_max))
    if left < 0:
        return -1
    each = cost((0, 0, 0, 1), prices, multiplier_ppm)
    return min(floor(left / each), MOST_TOKENS) if each else MOST_TOKENS


def _one_bucket(count: int) -> list[Four]:
    return [(count, 0, 0, 0), (0, count, 0, 0), (0, 0, count, 0)]


def every_line() -> Iterator[Golden]:
    """Edges first, then chance with a fixed seed."""
    for number, prices in enumerate(PRICES):
        for tokens in TOKENS:
            multiplier = MULTIPLIERS[(number + tokens[0]) % len(MULTIPLIERS)]
            yield golden(prices, (), multiplier, tokens, (min(sum(tokens[:3]), MOST_TOKENS), tokens[3]), None)
    for sent in (0, 1, 199_999, 200_000, 200_001, 499_999, 500_000, 500_001, MOST_TOKENS):
        for tiers in (
            ((200_000, PRICES[7]), (500_000, PRICES[0])),  # dearer, then cheap
            ((500_000, PRICES[2]), (200_000, PRICES[1])),  # not in order
            ((0, PRICES[2]),),  # from the first token
        ):
            yield golden(PRICES[1], tiers, 1_800_000, (sent, 0, 0, 777), (sent, 8_000), 10**9)
            yield golden(PRICES[1], tiers, 1_000_000, (0, sent // 2, sent - sent // 2, 1), (sent, 0), None)
    chance = random.Random(20_261_124)
    for _ in range(300):
        yield _by_chance(chance)


def _by_chance(chance: random.Random) -> Golden:
    def count() -> int:
        return chance.choice([0, chance.randrange(1, 100), chance.randrange(1, 10**6), chance.randrange(1, 10**9)])

    def price() -> int:
        return chance.choice([0, chance.randrange(1, 10**6), chance.randrange(1, 10**9), chance.randrange(1, 10**12)])

    def four() -> Four:
        return 1 + price(), price(), price(), price()

    base = four()
    tiers = tuple(sorted({count(): four() for _ in range(chance.randrange(4))}.items(), reverse=chance.random() < 0.5))
    multiplier = chance.choice([1_000_000, chance.randrange(1, 10**6), chance.randrange(1, 2 * 10**7)])
    tokens = (count(), count(), count(), count())
    budget = chance.choice([None, 0, chance.randrange(1, 10**9), chance.randrange(1, 10**15)])
    return golden(base, tiers, multiplier, tokens, (count(), count()), budget)


def written() -> str:
    """The file: one line of JSON for each vector."""
    return "[\n" + ",\n".join(json.dumps(asdict(line)) for line in every_line()) + "\n]\n"


if __name__ == "__main__":
    FILE.write_text(written())
    print(f"{FILE}: {len(json.loads(FILE.read_text()))} lines")
