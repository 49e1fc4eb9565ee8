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
    with pytest.raises(ValueError, match=f"^not a token count: {count!r}$"):
        Usage(input=count)  # type: ignore[arg-type]


def test_reasoning_is_a_part_of_output() -> None:
    assert Usage(output=5, reasoning=5).output == 5
    with pytest.raises(ValueError, match=r"^reasoning is a part of output and cannot exceed it$"):
        Usage(output=5, reasoning=6)


def test_no_price_is_free_by_accident() -> None:
    with pytest.raises(ValueError):
        Price("v", "USD", UnitPrices(0, 0, 0, 0))
    with pytest.raises(ValueError, match=r"^a price of zero would make the model free by accident$"):
        Price("v", "USD", UnitPrices(1, 1, 1, 1), tiers=(PriceTier(100, UnitPrices(0, 0, 0, 0)),))
    with pytest.raises(ValueError, match=r"^not a price: -1$"):
        UnitPrices(-1, 0, 0, 0)
    for multiplier in (0, -1, 1.5):
        with pytest.raises(ValueError, match=f"^a multiplier is a positive integer of ppm, not {multiplier}$"):
            Price("v", "USD", UnitPrices(1, 1, 1, 1), multiplier, "official")  # type: ignore[arg-type]


def test_a_multiplier_belongs_to_an_official_basis_only() -> None:
    with pytest.raises(ValueError, match=r"^a price of its own has no multiplier$"):
        Price("v", "USD", UnitPrices(1, 1, 1, 1), 2 * PPM, "own")
    with pytest.raises(ValueError, match=r"^unknown price basis: 'guess'$"):
        Price("v", "USD", UnitPrices(1, 1, 1, 1), PPM, "guess")


@pytest.mark.parametrize("above", [-1, 1.0, "5", True])
def test_a_tier_begins_above_a_number_of_tokens(above: object) -> None:
    with pytest.raises(ValueError, match=f"^not a number of tokens: {above!r}$"):
        PriceTier(above, UnitPrices(1, 1, 1, 1))  # type: ignore[arg-type]
    assert PriceTier(0, UnitPrices(1, 1, 1, 1)).input_tokens_above == 0


def test_two_tiers_never_begin_at_the_same_number_of_tokens() -> None:
    # Which of them applies would be left to their order.
    tier = PriceTier(100, UnitPrices(1, 1, 1, 1))
    with pytest.raises(ValueError, match=r"^two tiers begin at the same number of tokens$"):
        Price("v", "USD", UnitPrices(1, 1, 1, 1), tiers=(tier, PriceTier(100, UnitPrices(2, 2, 2, 2))))
    assert (
        Price("v", "USD", UnitPrices(1, 1, 1, 1), tiers=(tier, PriceTier(101, UnitPrices(2, 2, 2, 2)))).tiers[0] is tier
    )
