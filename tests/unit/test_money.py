from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokens_forge.money import CurrencyMismatch, Money, decimal


def test_two_currencies_never_meet_in_a_sum_or_comparison() -> None:
    dollars, yuan = Money(5, "USD"), Money(5, "CNY")
    with pytest.raises(CurrencyMismatch):
        dollars + yuan
    with pytest.raises(CurrencyMismatch):
        dollars - yuan
    with pytest.raises(CurrencyMismatch):
        _ = dollars < yuan
    with pytest.raises(CurrencyMismatch):
        _ = dollars <= yuan


def test_amounts_of_one_currency_add_subtract_and_compare() -> None:
    assert Money(5, "USD") + Money(7, "USD") == Money(12, "USD")
    assert Money(5, "USD") - Money(7, "USD") == Money(-2, "USD") == -Money(2, "USD")
    assert Money(5, "USD") < Money(7, "USD") and Money(7, "USD") <= Money(7, "USD")
    assert not Money(7, "USD") < Money(7, "USD")


@pytest.mark.parametrize("amount", [1.0, True, "1", None])
def test_an_amount_is_an_integer(amount: object) -> None:
    with pytest.raises(TypeError):
        Money(amount, "USD")  # type: ignore[arg-type]


@pytest.mark.parametrize("currency", ["usd", "US", "USDX", "", "U D"])
def test_a_currency_is_three_capital_letters(currency: str) -> None:
    with pytest.raises(ValueError):
        Money(1, currency)


@pytest.mark.parametrize(
    ("text", "nano"),
    [("12.50", 12_500_000_000), ("0", 0), ("-0.000000001", -1), ("3", 3_000_000_000), ("000.1", 100_000_000)],
)
def test_decimal_strings_are_read_exactly(text: str, nano: int) -> None:
    assert Money.parse(text, "USD").nano == nano


@pytest.mark.parametrize("text", ["", "1.", ".5", "1e3", "1,5", "0.0000000001", "NaN", " 1", "1 ", "٣", "--1", "1\n"])
def test_anything_else_is_not_an_amount(text: str) -> None:
    with pytest.raises(ValueError):
        Money.parse(text, "USD")


@pytest.mark.parametrize(
    ("nano", "text"),
    [
        (0, "0.00"),
        (1, "0.000000001"),
        (1_500_000_000, "1.50"),
        (-1, "-0.000000001"),
        (123_000_000_000, "123.00"),
    ],
)
def test_amounts_are_shown_as_decimal_strings(nano: int, text: str) -> None:
    assert decimal(nano) == text == str(Money(nano, "USD"))


@given(st.integers(-(10**23), 10**23))
def test_what_is_shown_reads_back_as_the_same_amount(nano: int) -> None:
    assert Money.parse(decimal(nano), "USD").nano == nano
