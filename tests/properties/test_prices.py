"""The price formula: right on every golden line, and lawful everywhere else. The laws are those of docs/receipts.md."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from math import ceil
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.properties import golden_prices
from tokens_forge.pricing import (
    BUCKETS,
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

LINES: list[dict[str, Any]] = json.loads(golden_prices.FILE.read_text())

tokens = st.integers(0, 2_000_000)
unit_price = st.one_of(st.integers(0, 1_000), st.integers(0, 200_000_000_000))
unit_prices = st.builds(UnitPrices, unit_price, unit_price, unit_price, unit_price)
offered = unit_prices.filter(lambda prices: bool(prices.input or prices.output))
usages = st.builds(Usage, tokens, tokens, tokens, tokens)
multipliers = st.integers(1, 20_000_000)


@st.composite
def prices(draw: st.DrawFn, tiers_max: int = 3) -> Price:
    """Any price; its tiers may be dearer or cheaper, in any order."""
    own = draw(st.booleans())
    thresholds = draw(st.lists(tokens, max_size=tiers_max, unique=True))
    tiers = [PriceTier(above, draw(offered)) for above in thresholds]
    multiplier = PPM if own else draw(multipliers)
    return Price("v", "USD", draw(offered), multiplier, "own" if own else "official", tuple(tiers))


@st.composite
def rising_prices(draw: st.DrawFn) -> Price:
    """A price whose tiers never become cheaper."""
    price = draw(prices())
    before, tiers = price.unit_prices, []
    for tier in sorted(price.tiers, key=lambda tier: tier.input_tokens_above):
        before = UnitPrices(*(max(getattr(before, name), getattr(tier.unit_prices, name)) for name in BUCKETS))
        tiers.append(PriceTier(tier.input_tokens_above, before))
    return replace(price, tiers=tuple(tiers))


@st.composite
def parts(draw: st.DrawFn) -> list[Usage]:
    """A request in parts."""
    return draw(st.lists(usages, min_size=2, max_size=5))


def whole(of: list[Usage]) -> Usage:
    """All parts in one request."""
    return Usage(**{name: sum(getattr(part, name) for part in of) for name in BUCKETS})


def price_of(line: dict[str, Any]) -> Price:
    multiplier: int = line["multiplier_ppm"]
    tiers = tuple(PriceTier(above, UnitPrices(*unit)) for above, unit in line["tiers"])
    basis = "own" if multiplier == PPM else "official"
    return Price("v", "USD", UnitPrices(*line["prices"]), multiplier, basis, tiers)


@pytest.mark.parametrize("number", range(len(LINES)))
def test_a_golden_line_is_met_to_the_nano(number: int) -> None:
    line = LINES[number]
    price = price_of(line)
    assert price_usage(Usage(*line["tokens"]), price) == line["charge"]
    assert worst_charge_nano(line["input_max"], line["output_max"], price) == line["worst"]
    assert affordable_output_tokens(line["budget"], line["input_max"], price) == line["affordable"]


def test_the_golden_file_is_what_its_script_makes_and_has_every_kind_of_line() -> None:
    assert golden_prices.FILE.read_text() == golden_prices.written()
    affordable = [line["affordable"] for line in LINES]
    kinds = {
        "rounded": sum(line["charge"] != exact_charge(line) for line in LINES),
        "exact": sum(line["charge"] > 0 and line["charge"] == exact_charge(line) for line in LINES),
        "of another tier": sum(unit_of(line) != UnitPrices(*line["prices"]) for line in LINES),
        "not affordable": affordable.count(-1),
        "affordable without end": affordable.count(TOKENS_MAX),
        "affordable up to a bound": sum(0 < most < TOKENS_MAX for most in affordable),
    }
    assert len(LINES) >= 300 and min(kinds.values()) >= 20, kinds


def unit_of(line: dict[str, Any]) -> UnitPrices:
    return price_of(line).unit_prices_for(sum(line["tokens"][:3]))


def exact_charge(line: dict[str, Any]) -> Fraction:
    unit = unit_of(line)
    used = (unit.input, unit.cached_input, unit.cache_write, unit.output)
    return golden_prices.cost(tuple(line["tokens"]), used, line["multiplier_ppm"])


@given(usages, unit_prices, multipliers)
def test_the_charge_is_the_exact_fraction_rounded_up_once(usage: Usage, unit: UnitPrices, multiplier: int) -> None:
    exact = sum(Fraction(getattr(usage, name) * getattr(unit, name), 10**6) for name in BUCKETS)
    assert charge_nano(usage, unit, multiplier) == ceil(exact * Fraction(multiplier, 10**6))


@given(usages, rising_prices(), st.sampled_from(BUCKETS), st.one_of(st.just(1), tokens))
def test_more_tokens_never_cost_less_while_tiers_rise(usage: Usage, price: Price, bucket: str, more: int) -> None:
    larger = replace(usage, **{bucket: getattr(usage, bucket) + more})
    assert price_usage(larger, price) >= price_usage(usage, price)


@given(usages, prices(), st.sampled_from(BUCKETS), st.one_of(st.just(1), tokens))
def test_more_tokens_in_the_same_tier_never_cost_less(usage: Usage, price: Price, bucket: str, more: int) -> None:
    larger = replace(usage, **{bucket: getattr(usage, bucket) + more})
    unit = price.unit_prices_for(usage.input_side)
    assert charge_nano(larger, unit, price.multiplier_ppm) >= price_usage(usage, price)


@given(parts(), prices(tiers_max=0))
def test_splitting_a_request_never_gains_and_costs_less_than_a_nano_a_part(split: list[Usage], price: Price) -> None:
    together, apart = price_usage(whole(split), price), sum(price_usage(part, price) for part in split)
    assert together <= apart < together + len(split)


@given(parts(), prices())
def test_splitting_gains_at_most_what_a_dearer_tier_costs_more(split: list[Usage], price: Price) -> None:
    # Each part has the prices of its own tier. At those of the whole, nothing would be gained.
    unit = price.unit_prices_for(whole(split).input_side)
    apart = sum(charge_nano(part, unit, price.multiplier_ppm) for part in split)
    assert price_usage(whole(split), price) <= apart


def test_a_request_just_above_a_dearer_tier_is_cheaper_in_two_and_one_above_a_cheaper_tier_than_one_below() -> None:
    base, dear, cheap = (UnitPrices(nano, nano, nano, nano) for nano in (10**6, 2 * 10**6, 5 * 10**5))
    rising = Price("v", "USD", base, tiers=(PriceTier(100, dear),))
    assert price_usage(Usage(input=101), rising) == 202
    assert price_usage(Usage(input=51), rising) + price_usage(Usage(input=50), rising) == 101
    falling = Price("v", "USD", base, tiers=(PriceTier(100, cheap),))
    assert (price_usage(Usage(input=100), falling), price_usage(Usage(input=101), falling)) == (100, 51)


@given(prices(), usages, tokens, tokens)
def test_nothing_within_the_bounds_costs_more_than_the_worst_charge(
    price: Price, usage: Usage, spare_input: int, spare_output: int
) -> None:
    worst = worst_charge_nano(usage.input_side + spare_input, usage.output + spare_output, price)
    assert price_usage(usage, price) <= worst


@given(prices(tiers_max=0), tokens, tokens)
def test_the_worst_charge_is_no_more_than_some_usage_costs(price: Price, sent: int, made: int) -> None:
    dearest = max(price_usage(Usage(output=made, **{name: sent}), price) for name in BUCKETS[:3])
    assert worst_charge_nano(sent, made, price) == dearest


@given(prices(), tokens, tokens, tokens, tokens)
def test_a_wider_bound_is_never_cheaper(price: Price, sent: int, made: int, more_sent: int, more_made: int) -> None:
    worst = worst_charge_nano(sent, made, price)
    assert worst_charge_nano(sent + more_sent, made + more_made, price) >= worst


@given(prices(), tokens, st.integers(0, 10**15))
def test_the_affordable_output_fits_and_one_more_token_does_not(price: Price, sent: int, budget: int) -> None:
    affordable = affordable_output_tokens(budget, sent, price)
    if affordable < 0:
        assert affordable == -1 and worst_charge_nano(sent, 0, price) > budget
        return
    assert worst_charge_nano(sent, affordable, price) <= budget
    assert affordable == TOKENS_MAX or worst_charge_nano(sent, affordable + 1, price) > budget
