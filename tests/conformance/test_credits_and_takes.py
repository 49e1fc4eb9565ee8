"""Money that comes in and goes out beside requests, and the debt between the two."""

from __future__ import annotations

import pytest

from tests.conformance.builders import ACCOUNT, OFFICIAL, ROUTED, top_up
from tests.conformance.ledger import Amounts, Ledger
from tokens_forge.store.port import Credit, PostAnswer, Take

POSTED = PostAnswer(posted=True)


def refused(ledger: Ledger, answer: PostAnswer) -> None:
    """The wallet's condition alone stood in the way, and the wallet is told."""
    assert answer == PostAnswer(posted=False, before=ledger.wallet())


@pytest.mark.parametrize("nano", [1, 1000, 10**24])
def test_a_credit_is_available_at_once(ledger: Ledger, nano: int) -> None:
    assert ledger.credit(nano) == POSTED
    assert ledger.amounts() == Amounts(1000 + nano, credits=1000 + nano)
    assert ledger.amounts(ROUTED) == Amounts(1000, credits=1000)


@pytest.mark.parametrize(("debt", "nano"), [(50, 50), (50, 49), (50, 1)])
def test_a_credit_that_the_debt_swallows_pays_it_exactly_or_in_part(ledger: Ledger, debt: int, nano: int) -> None:
    ledger.owing(debt)
    assert ledger.credit(nano, pays=nano) == POSTED
    assert ledger.amounts() == Amounts(debt=debt - nano, credits=1000 + nano, debits=1000 + debt)


@pytest.mark.parametrize(("debt", "nano"), [(50, 51), (50, 1000), (1, 2)])
def test_a_credit_beyond_the_debt_leaves_the_rest_available(ledger: Ledger, debt: int, nano: int) -> None:
    ledger.owing(debt)
    assert ledger.credit(nano, pays=debt) == POSTED
    assert ledger.amounts() == Amounts(nano - debt, credits=1000 + nano, debits=1000 + debt)


@pytest.mark.parametrize(
    ("debt", "nano", "pays"),
    [
        pytest.param(0, 10, 1, id="there is no debt"),
        pytest.param(0, 10, 10, id="there is no debt for all of it"),
        pytest.param(50, 10, 0, id="a debt is passed over"),
        pytest.param(50, 60, 49, id="one nano of the debt is left"),
        pytest.param(50, 60, 51, id="one nano more than the debt"),
        pytest.param(50, 51, 51, id="all of it, and more than the debt"),
        pytest.param(50, 40, 39, id="a part, though the debt would take all"),
        pytest.param(50, 50, 49, id="one nano less, though the debt is exactly that"),
    ],
)
def test_a_credit_with_another_debt_than_was_thought_is_refused(
    ledger: Ledger, debt: int, nano: int, pays: int
) -> None:
    if debt:
        ledger.owing(debt)
    refused(ledger, ledger.credit(nano, pays=pays))


def test_a_debt_is_paid_in_steps_and_then_over(ledger: Ledger) -> None:
    ledger.owing(50)
    assert [ledger.credit(20, pays=20), ledger.credit(20, pays=20), ledger.credit(20, pays=10)] == [POSTED] * 3
    assert ledger.amounts() == Amounts(10, credits=1060, debits=1050)


def test_a_credit_pays_a_debt_beside_an_open_hold(ledger: Ledger) -> None:
    ledger.held(300)
    assert ledger.take(800, 100) == POSTED
    assert ledger.credit(150, pays=100) == POSTED
    assert ledger.amounts() == Amounts(50, 300, credits=1150, debits=800)


@pytest.mark.parametrize("nano", [1, 999, 1000])
def test_a_take_of_what_is_available_leaves_no_debt(ledger: Ledger, nano: int) -> None:
    assert ledger.take(nano) == POSTED
    assert ledger.amounts() == Amounts(1000 - nano, credits=1000, debits=nano)
    assert ledger.amounts(ROUTED) == Amounts(1000, credits=1000)


@pytest.mark.parametrize("nano", [1001, 10**24])
def test_a_take_of_more_than_is_available_is_refused(ledger: Ledger, nano: int) -> None:
    refused(ledger, ledger.take(nano))


def test_a_take_leaves_what_is_held(ledger: Ledger) -> None:
    ledger.held(400)
    refused(ledger, ledger.take(601))
    assert ledger.take(600) == POSTED
    assert ledger.amounts() == Amounts(held=400, credits=1000, debits=600)


@pytest.mark.parametrize("owed", [1, 50, 10**24])
def test_a_take_with_a_debt_takes_exactly_what_is_available(ledger: Ledger, owed: int) -> None:
    assert ledger.take(1000 + owed, owed) == POSTED
    assert ledger.amounts() == Amounts(debt=owed, credits=1000, debits=1000 + owed)


@pytest.mark.parametrize(
    ("nano", "owed"),
    [
        pytest.param(1049, 50, id="one nano would stay available"),
        pytest.param(1051, 50, id="one nano is missing"),
        pytest.param(50, 50, id="all of it owed, though money is there"),
        pytest.param(1000, 1, id="a nano owed, though all of it is there"),
    ],
)
def test_a_take_with_another_debt_than_must_be_is_refused(ledger: Ledger, nano: int, owed: int) -> None:
    refused(ledger, ledger.take(nano, owed))


def test_a_take_from_an_empty_wallet_is_all_debt(ledger: Ledger) -> None:
    assert ledger.take(1000) == POSTED
    refused(ledger, ledger.take(70, 69))
    assert ledger.take(70, 70) == POSTED
    assert ledger.amounts() == Amounts(debt=70, credits=1000, debits=1070)


def test_debts_add_up(ledger: Ledger) -> None:
    ledger.owing(50)
    assert ledger.take(30, 30) == POSTED
    assert ledger.amounts() == Amounts(debt=80, credits=1000, debits=1080)


@pytest.mark.parametrize("change", [Credit(10), Take(10)])
def test_money_in_another_currency_neither_comes_in_nor_goes_out(ledger: Ledger, change: Credit | Take) -> None:
    nano = 10 if isinstance(change, Credit) else -10
    refused(ledger, ledger.post(top_up(nano, currency="CNY"), change))
    assert ledger.post(top_up(nano, currency="USD"), change) == POSTED


@pytest.mark.parametrize(("debt", "change"), [(50, Credit(50, 50)), (50, Credit(60, 50)), (0, Take(1010, 10))])
def test_a_debt_has_the_wallets_currency_too(ledger: Ledger, debt: int, change: Credit | Take) -> None:
    if debt:
        ledger.owing(debt)
    nano = change.nano if isinstance(change, Credit) else -change.nano
    refused(ledger, ledger.post(top_up(nano, currency="CNY"), change))
    assert ledger.post(top_up(nano), change) == POSTED


def test_a_frozen_wallet_still_takes_credits_and_corrections(ledger: Ledger) -> None:
    ledger.freeze_wallet(ACCOUNT, OFFICIAL)
    assert ledger.credit(10) == POSTED
    assert ledger.take(1060, 50) == POSTED
    assert ledger.credit(60, pays=50) == POSTED
    assert ledger.amounts() == Amounts(10, credits=1070, debits=1060)


def test_an_order_is_credited_once(ledger: Ledger) -> None:
    entry = top_up(10)
    assert ledger.post(entry, Credit(10)) == POSTED
    for change in (Credit(10), Credit(99), Take(10)):
        assert ledger.post(entry, change) == PostAnswer(posted=False, existing=entry)
    assert ledger.amounts() == Amounts(1010, credits=1010)
