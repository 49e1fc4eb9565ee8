"""The state machine of orders and the minor units of currencies, as plain values."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from tests.unit.order_builders import order, refund
from tokens_forge.checkout.currencies import DECIMALS, NotPayable, minor_of, money_of
from tokens_forge.checkout.orders import (
    TAKING_TRANSITIONS,
    TRANSITIONS,
    OrderState,
    TakingState,
    check_step,
)
from tokens_forge.money import Money


@pytest.mark.parametrize(("before", "after"), list(product(OrderState, OrderState)))
def test_an_order_goes_only_where_the_table_says(before: OrderState, after: OrderState) -> None:
    start = order(state=before, payment_id="pi_1")
    step = replace(start, state=after, version=2)
    if after is before or after in TRANSITIONS[before]:
        check_step(start, step)
    else:
        with pytest.raises(AssertionError):
            check_step(start, step)


def test_nothing_is_credited_that_was_not_paid_and_nothing_uncredited_comes_after_a_credit() -> None:
    into_credit = {state for state, allowed in TRANSITIONS.items() if OrderState.CREDITED in allowed}
    credited = {state for state in OrderState if order(state=state, payment_id="pi_1").is_credited}
    assert into_credit - credited == {OrderState.PAID}
    assert all(TRANSITIONS[state] <= credited for state in credited)


def test_a_taking_goes_one_way_and_ends() -> None:
    for start in TakingState:
        seen, ahead = set(), [start]
        while ahead:
            for state in TAKING_TRANSITIONS[ahead.pop()]:
                assert state is not start, "there is no way back"
                if state not in seen:
                    seen.add(state)
                    ahead.append(state)
    assert {state for state, allowed in TAKING_TRANSITIONS.items() if not allowed} == {
        TakingState.REFUSED,
        TakingState.RETURNED,
    }


def test_what_an_order_is_never_changes_and_no_more_is_taken_than_was_bought() -> None:
    start = order(state=OrderState.CREDITED, payment_id="pi_1")
    changed: list[dict[str, Any]] = [
        {"amount": Money(10**9, "USD")},
        {"account_id": "acc_another00000"},
        {"payment_id": "pi_2"},
    ]
    for changes in changed:
        with pytest.raises(AssertionError):
            check_step(start, replace(start, version=2, **changes))
    with pytest.raises(AssertionError, match="one change"):
        check_step(start, replace(start, version=3))
    half = start.with_taking(refund(12 * 10**9))
    with pytest.raises(AssertionError, match="no more"):
        half.with_taking(refund(9 * 10**9, "1"))
    with pytest.raises(AssertionError, match="stays what it was"):
        check_step(half, replace(half, version=3, takings=(refund(10**9),)))
    with pytest.raises(AssertionError, match="only what was credited"):
        order(takings=(refund(),))


@pytest.mark.parametrize(
    ("amount", "minor"),
    [("12.50 USD", 1250), ("500 JPY", 500), ("1.250 KWD", 1250), ("0.01 CNY", 1), ("100 CLP", 100), ("0.001 TND", 1)],
)
def test_minor_units_are_those_of_the_currency(amount: str, minor: int) -> None:
    text, currency = amount.split()
    money = Money.parse(text, currency)
    assert minor_of(money) == minor and money_of(minor, currency) == money


@pytest.mark.parametrize("amount", ["12.505 USD", "500.5 JPY", "1.2505 KWD", "1 XAU", "1 ZZZ"])
def test_what_cannot_be_paid_is_no_minor_amount(amount: str) -> None:
    text, currency = amount.split()
    with pytest.raises(NotPayable):
        minor_of(Money.parse(text, currency))


def test_the_table_holds_each_currency_once() -> None:
    assert set(DECIMALS.values()) == {0, 2, 3} and len(DECIMALS) == 155
