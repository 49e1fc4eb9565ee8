"""Prices and the one charge formula.

    charge_nano = ceil(sum(tokens_i * price_i) * multiplier_ppm / 10**12)

`price_i` is integer nano of the wallet's currency per 1,000,000 tokens, the multiplier is integer ppm, and there is exactly one
rounding per request, upwards. The formula is published in docs/receipts.md, and a receipt holds every number in it.
"""

from __future__ import annotations

from dataclasses import dataclass

PPM = 1_000_000
TOKENS_PER_PRICE_UNIT = 1_000_000
BUCKETS = ("input", "cached_input", "cache_write", "output")
TOKENS_MAX = 10**9  # no model takes or gives a billion tokens in one request; a larger count is a lie


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one request in disjoint buckets. `reasoning` is inside `output` and only shown."""

    input: int = 0
    cached_input: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int = 0

    def __post_init__(self) -> None:
        for tokens in (self.input, self.cached_input, self.cache_write, self.output, self.reasoning):
            if type(tokens) is not int or not 0 <= tokens <= TOKENS_MAX:
                raise ValueError(f"not a token count: {tokens!r}")
        if self.reasoning > self.output:
            raise ValueError("reasoning is a part of output and cannot exceed it")

    @property
    def input_side(self) -> int:
        """All tokens that were sent: the three input buckets together."""
        return self.input + self.cached_input + self.cache_write


@dataclass(frozen=True, slots=True)
class UnitPrices:
    """Nano per 1,000,000 tokens for each bucket."""

    input: int
    cached_input: int
    cache_write: int
    output: int

    def __post_init__(self) -> None:
        for price in (self.input, self.cached_input, self.cache_write, self.output):
            if type(price) is not int or price < 0:
                raise ValueError(f"not a price: {price!r}")

    @property
    def dearest_input(self) -> int:
        """The highest price a sent token can have, whichever bucket the provider puts it in."""
        return max(self.input, self.cached_input, self.cache_write)


@dataclass(frozen=True, slots=True)
class PriceTier:
    """Prices that apply to a whole request when more than `input_tokens_above` tokens were sent."""

    input_tokens_above: int
    unit_prices: UnitPrices

    def __post_init__(self) -> None:
        if type(self.input_tokens_above) is not int or self.input_tokens_above < 0:
            raise ValueError(f"not a number of tokens: {self.input_tokens_above!r}")


@dataclass(frozen=True, slots=True)
class Price:
    """One version of the price of one model on one wallet.

    `basis` is `own`, or `official`: then the unit prices are the official US dollar prices and the multiplier turns them into the
    wallet's currency, so it is shown with every price.
    """

    version: str
    currency: str
    unit_prices: UnitPrices
    multiplier_ppm: int = PPM
    basis: str = "own"
    tiers: tuple[PriceTier, ...] = ()
    effective_at_ms: int = 0

    def __post_init__(self) -> None:
        if type(self.multiplier_ppm) is not int or self.multiplier_ppm <= 0:
            raise ValueError(f"a multiplier is a positive integer of ppm, not {self.multiplier_ppm!r}")
        if self.basis not in ("own", "official"):
            raise ValueError(f"unknown price basis: {self.basis!r}")
        if self.basis == "own" and self.multiplier_ppm != PPM:
            raise ValueError("a price of its own has no multiplier")
        if len({tier.input_tokens_above for tier in self.tiers}) != len(self.tiers):
            raise ValueError("two tiers begin at the same number of tokens")
        for prices in (self.unit_prices, *(tier.unit_prices for tier in self.tiers)):
            if not any((prices.input, prices.output)):
                raise ValueError("a price of zero would make the model free by accident")

    def unit_prices_for(self, input_side_tokens: int) -> UnitPrices:
        """The unit prices of a request that sent this many tokens."""
        chosen, above = self.unit_prices, -1
        for tier in self.tiers:
            if input_side_tokens > tier.input_tokens_above > above:
                chosen, above = tier.unit_prices, tier.input_tokens_above
        return chosen


def charge_nano(usage: Usage, unit_prices: UnitPrices, multiplier_ppm: int) -> int:
    """What this usage costs, in nano of the price's currency. One rounding, upwards."""
    weighted = (
        usage.input * unit_prices.input
        + usage.cached_input * unit_prices.cached_input
        + usage.cache_write * unit_prices.cache_write
        + usage.output * unit_prices.output
    )
    return -(-weighted * multiplier_ppm // (TOKENS_PER_PRICE_UNIT * PPM))


def price_usage(usage: Usage, price: Price) -> int:
    """The charge in nano for a usage at a price version, with the tier that the sent tokens select."""
    return charge_nano(usage, price.unit_prices_for(usage.input_side), price.multiplier_ppm)


def worst_charge_nano(input_tokens_max: int, output_tokens_max: int, price: Price) -> int:
    """The largest charge any usage within these bounds can have: every tier in reach, the dearest input bucket."""
    reachable = [price.unit_prices]
    reachable += [tier.unit_prices for tier in price.tiers if input_tokens_max > tier.input_tokens_above]
    return max(
        -(
            -(input_tokens_max * prices.dearest_input + output_tokens_max * prices.output)
            * price.multiplier_ppm
            // (TOKENS_PER_PRICE_UNIT * PPM)
        )
        for prices in reachable
    )


def affordable_output_tokens(budget_nano: int, input_tokens_max: int, price: Price) -> int:
    """The largest output bound whose worst charge still fits the budget; -1 when even the input alone does not fit."""
    if worst_charge_nano(input_tokens_max, 0, price) > budget_nano:
        return -1
    low, high = 0, TOKENS_MAX
    while low < high:
        middle = (low + high + 1) // 2
        if worst_charge_nano(input_tokens_max, middle, price) <= budget_nano:
            low = middle
        else:
            high = middle - 1
    return low
