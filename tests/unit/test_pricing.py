from __future__ import annotations

from fractions import Fraction
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokens_forge.pricing import (
    PPM,
    TOKENS_MAX,
    Price,
    PriceTier,
    UnitPrices,
    Usage,
    affordable_output_tokens,
    charge_nano,
    price_usage,
    worst_charge_nano,
)

tokens = st.integers(0, 2_000_000)
unit_price = st.integers(0, 200_000_000_000)
unit_prices = st.builds(UnitPrices, unit_price, unit_price, unit_price, unit_price)
usages = st.builds(Usage, tokens, tokens, tokens, tokens)
multipliers = st.integers(1, 20_000_000)


@st.composite
def prices(draw: st.DrawFn) -> Price:
    own = draw(st.booleans())
    offered = unit_prices.filter(lambda prices: bool(prices.input or prices.output))
    tiers = tuple(PriceTier(draw(st.integers(0, 500_000)), draw(offered)) for _ in range(draw(st.integers(0, 3))))
    base = draw(offered)
    return Price("v", "USD", base, PPM if own else draw(multipliers), "own" if own else "official", tiers)


@given(usages, unit_prices, multipliers)
def test_the_charge_is_the_exact_fraction_rounded_up_once(usage: Usage, unit: UnitPrices, multiplier: int) -> None:
    exact = sum(
        Fraction(count * price)
        for count, price in (
            (usage.input, unit.input),
            (usage.cached_input, unit.cached_input),
            (usage.cache_write, unit.cache_write),
            (usage.output, unit.output),
        )
    )
    assert charge_nano(usage, unit, multiplier) == ceil(exact * multiplier / 10**12)


@given(usages, unit_prices, multipliers)
def test_one_more_token_never_costs_less(usage: Usage, unit: UnitPrices, multiplier: int) -> None:
    before = charge_nano(usage, unit, multiplier)
    for bucket in ("input", "cached_input", "cache_write", "output"):
        counts = {name: getattr(usage, name) for name in ("input", "cached_input", "cache_write", "output")}
        counts[bucket] += 1
        assert charge_nano(Usage(**counts), unit, multiplier) >= before


@given(usages, usages, unit_prices, multipliers)
def test_splitting_a_request_never_gains(first: Usage, second: Usage, unit: UnitPrices, multiplier: int) -> None:
    together = Usage(
        first.input + second.input,
        first.cached_input + second.cached_input,
        first.cache_write + second.cache_write,
        first.output + second.output,
    )
    assert charge_nano(together, unit, multiplier) <= charge_nano(first, unit, multiplier) + charge_nano(
        second, unit, multiplier
    )


@given(prices(), usages, st.integers(0, 1000), st.integers(0, 1000))
def test_nothing_within_the_bounds_costs_more_than_the_worst_charge(
    price: Price, usage: Usage, spare_input: int, spare_output: int
) -> None:
    worst = worst_charge_nano(usage.input_side + spare_input, usage.output + spare_output, price)
    assert price_usage(usage, price) <= worst


@given(prices(), st.integers(0, 100_000), st.integers(0, 10**13))
def test_the_affordable_output_fits_and_one_more_token_does_not(price: Price, sent: int, budget: int) -> None:
    affordable = affordable_output_tokens(budget, sent, price)
    if affordable < 0:
        assert worst_charge_nano(sent, 0, price) > budget
        return
    assert worst_charge_nano(sent, affordable, price) <= budget
    assert affordable == TOKENS_MAX or worst_charge_nano(sent, affordable + 1, price) > budget


def test_a_tier_applies_to_the_whole_request_once_more_was_sent() -> None:
    low, high = UnitPrices(10, 10, 10, 10), UnitPrices(20, 20, 20, 20)
    higher = UnitPrices(5, 5, 5, 5)
    price = Price("v", "USD", low, tiers=(PriceTier(500, higher), PriceTier(100, high)))
    assert price.unit_prices_for(100) is low
    assert price.unit_prices_for(101) is high
    assert price.unit_prices_for(501) is higher
    assert worst_charge_nano(1_000_000, 0, price) == 20  # the middle tier is the dearest that is in reach


@pytest.mark.parametrize("count", [-1, TOKENS_MAX + 1, 1.0, "3", True, None])
def test_a_token_count_is_a_sane_integer(count: object) -> None:
    with pytest.raises(ValueError):
        Usage(input=count)  # type: ignore[arg-type]


def test_reasoning_is_a_part_of_output() -> None:
    assert Usage(output=5, reasoning=5).output == 5
    with pytest.raises(ValueError):
        Usage(output=5, reasoning=6)


def test_no_price_is_free_by_accident() -> None:
    with pytest.raises(ValueError):
        Price("v", "USD", UnitPrices(0, 0, 0, 0))
    with pytest.raises(ValueError, match="free by accident"):
        Price("v", "USD", UnitPrices(1, 1, 1, 1), tiers=(PriceTier(100, UnitPrices(0, 0, 0, 0)),))
    with pytest.raises(ValueError):
        UnitPrices(-1, 0, 0, 0)
    for multiplier in (0, -1, 1.5):
        with pytest.raises(ValueError):
            Price("v", "USD", UnitPrices(1, 1, 1, 1), multiplier, "official")  # type: ignore[arg-type]


def test_a_multiplier_belongs_to_an_official_basis_only() -> None:
    with pytest.raises(ValueError):
        Price("v", "USD", UnitPrices(1, 1, 1, 1), 2 * PPM, "own")
    with pytest.raises(ValueError):
        Price("v", "USD", UnitPrices(1, 1, 1, 1), PPM, "guess")
