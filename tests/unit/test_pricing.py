from __future__ import annotations

import pytest

from tokens_forge.pricing import (
    PPM,
    TOKENS_MAX,
    Price,
    PriceTier,
    UnitPrices,
    Usage,
    worst_charge_nano,
)


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
