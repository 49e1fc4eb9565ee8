"""Amounts far beyond any real balance: exact to the last nano, in every place where one is kept."""

from __future__ import annotations

import pytest

from tests.conformance.builders import ACCOUNT, KEY, OFFICIAL, hold_request
from tests.conformance.ledger import Amounts, Ledger
from tokens_forge.store.port import HoldAnswer, PostAnswer

LARGE = [10**18, 10**24, 10**24 + 1, 10**24 - 1, 123_456_789_012_345_678_901_234, 2**63, 2**64 + 1]
POSTED = PostAnswer(posted=True)


@pytest.mark.parametrize("nano", LARGE)
def test_a_large_request_is_exact_to_the_nano(ledger: Ledger, nano: int) -> None:
    assert ledger.credit(nano - 1000) == POSTED
    assert not ledger.place_hold(hold_request(nano + 1)).placed
    hold = ledger.held(nano)
    assert ledger.amounts() == Amounts(held=nano, credits=nano)
    assert ledger.close(hold, nano - 1) == POSTED
    assert ledger.amounts() == Amounts(1, credits=nano, debits=nano - 1)


@pytest.mark.parametrize("nano", LARGE)
def test_a_large_debt_is_exact_to_the_nano(ledger: Ledger, nano: int) -> None:
    assert ledger.take(1000 + nano, nano) == POSTED
    assert not ledger.credit(nano + 1, pays=nano - 1).posted
    assert ledger.credit(nano - 1, pays=nano - 1) == POSTED
    assert ledger.amounts() == Amounts(debt=1, credits=999 + nano, debits=1000 + nano)
    assert ledger.credit(2, pays=1) == POSTED
    assert ledger.amounts() == Amounts(1, credits=1001 + nano, debits=1000 + nano)


@pytest.mark.parametrize("nano", LARGE)
def test_a_large_spend_limit_is_exact_to_the_nano(ledger: Ledger, nano: int) -> None:
    assert ledger.credit(2 * nano) == POSTED
    ledger.set_key_spend_limit(ACCOUNT, OFFICIAL, KEY, nano)
    before = ledger.wallet()
    refused = ledger.place_hold(hold_request(nano + 1, limited_key_id=KEY))
    assert refused == HoldAnswer(placed=False, before=before)
    hold = ledger.held(nano, limited_key_id=KEY)
    assert ledger.wallet().key_spend_left_nano == {KEY: 0}
    assert ledger.close(hold, 1) == POSTED
    assert ledger.wallet().key_spend_left_nano == {KEY: nano - 1}


def test_one_nano_more_or_less_counts_beside_a_large_balance(ledger: Ledger) -> None:
    assert ledger.credit(10**24) == POSTED
    small = ledger.held(1)
    assert not ledger.place_hold(hold_request(10**24 + 1000)).placed
    large = ledger.held(10**24 + 999)
    assert ledger.close(small, 1) == POSTED
    assert ledger.close(large, 10**24) == POSTED
    assert ledger.amounts() == Amounts(999, credits=10**24 + 1000, debits=10**24 + 1)
