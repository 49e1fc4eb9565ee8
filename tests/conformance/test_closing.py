"""Closing a hold with its entry: the charge is spent, the rest is available again, once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.conformance.builders import ACCOUNT, CURRENCY, OFFICIAL, ROUTED, hold_request, receipt
from tests.conformance.ledger import Amounts, Ledger, closing
from tokens_forge.store.port import CloseHold, PostAnswer
from tokens_forge.wallets import WalletKind

POSTED = PostAnswer(posted=True)


@pytest.mark.parametrize("kind", [OFFICIAL, ROUTED])
@pytest.mark.parametrize("charge_nano", [0, 1, 399, 400])
def test_the_charge_is_spent_and_the_rest_comes_back(ledger: Ledger, kind: WalletKind, charge_nano: int) -> None:
    hold = ledger.held(400, kind=kind)
    assert ledger.close(hold, charge_nano) == POSTED
    assert ledger.amounts(kind) == Amounts(1000 - charge_nano, credits=1000, debits=charge_nano)
    assert ledger.wallet(kind).holds == {}
    other = OFFICIAL if kind is ROUTED else ROUTED
    assert ledger.amounts(other) == Amounts(1000, credits=1000)


def test_everything_can_be_held_and_spent(ledger: Ledger) -> None:
    hold = ledger.held(1000)
    assert ledger.close(hold, 1000) == POSTED
    assert ledger.amounts() == Amounts(credits=1000, debits=1000)


def test_only_the_named_hold_is_closed(ledger: Ledger) -> None:
    first, second, third = (ledger.held(nano) for nano in (100, 200, 300))
    assert ledger.close(second, 50) == POSTED
    assert set(ledger.wallet().holds) == {first.hold_id, third.hold_id}
    assert ledger.amounts() == Amounts(550, 400, credits=1000, debits=50)


@pytest.mark.parametrize("wrong_nano", [399, 401, 1, 10**24])
def test_a_hold_is_closed_by_its_exact_amount_only(ledger: Ledger, wrong_nano: int) -> None:
    hold = ledger.held(400)
    before = ledger.wallet()
    answer = ledger.post(receipt(replace(hold, nano=wrong_nano)), closing(replace(hold, nano=wrong_nano)))
    assert answer == PostAnswer(posted=False, before=before)
    assert ledger.wallet() == before


def test_a_hold_that_was_never_placed_cannot_be_closed(ledger: Ledger) -> None:
    ledger.held(400)
    before = ledger.wallet()
    assert ledger.close(hold_request(400), 400) == PostAnswer(posted=False, before=before)


def test_another_entry_does_not_close_a_closed_hold_again(ledger: Ledger) -> None:
    hold = ledger.held(400)
    assert ledger.close(hold, 100) == POSTED
    other = receipt(hold_request(400), 100)
    assert ledger.post(other, closing(hold, 100)) == PostAnswer(posted=False, before=ledger.wallet())
    assert ledger.amounts() == Amounts(900, credits=1000, debits=100)


def test_a_settle_sent_again_finds_its_own_entry_and_no_hold(ledger: Ledger) -> None:
    hold = ledger.held(400)
    entry = receipt(hold, 100)
    assert ledger.close(hold, 100, entry) == POSTED
    after = ledger.wallet()
    for _ in range(3):
        assert ledger.close(hold, 100, entry) == PostAnswer(posted=False, existing=entry, before=after)
    assert ledger.wallet() == after


def test_a_second_ending_finds_the_first(ledger: Ledger) -> None:
    hold = ledger.held(400)
    void = receipt(hold)
    assert ledger.close(hold, 0, void) == POSTED
    after = ledger.wallet()
    assert ledger.close(hold, 400) == PostAnswer(posted=False, existing=void, before=after)
    assert ledger.amounts() == Amounts(1000, credits=1000)


def test_a_hold_that_came_back_is_not_closed_by_a_second_settle(ledger: Ledger) -> None:
    # The hold's message was delayed: the wallet's condition passes, and the entry alone stands in the way.
    hold = ledger.held(400)
    entry = receipt(hold, 100)
    assert ledger.close(hold, 100, entry) == POSTED
    assert ledger.place_hold(hold).placed
    assert ledger.close(hold, 100, entry) == PostAnswer(posted=False, existing=entry)
    assert ledger.amounts() == Amounts(500, 400, credits=1000, debits=100)


def test_an_open_hold_of_a_frozen_wallet_still_settles(ledger: Ledger) -> None:
    hold = ledger.held(400)
    ledger.freeze_wallet(ACCOUNT, OFFICIAL)
    assert ledger.close(hold, 150) == POSTED
    assert ledger.amounts() == Amounts(850, credits=1000, debits=150)


def test_an_open_hold_of_a_wallet_in_debt_still_settles(ledger: Ledger) -> None:
    hold = ledger.held(400)
    assert ledger.take(700, 100).posted
    assert ledger.close(hold, 150) == POSTED
    assert ledger.amounts() == Amounts(250, debt=100, credits=1000, debits=850)


def test_one_wallets_hold_is_not_the_others(ledger: Ledger) -> None:
    hold = ledger.held(400)
    crossed = replace(hold, kind=ROUTED, currency=CURRENCY[ROUTED])
    before = ledger.wallet(ROUTED)
    assert ledger.close(crossed, 400) == PostAnswer(posted=False, before=before)
    assert set(ledger.wallet().holds) == {hold.hold_id}


def test_the_same_hold_id_on_both_wallets_is_two_holds(ledger: Ledger) -> None:
    hold = ledger.held(400)
    other = ledger.held(300, kind=ROUTED, hold_id=hold.hold_id)
    assert ledger.close(hold, 400) == POSTED
    assert set(ledger.wallet(ROUTED).holds) == {hold.hold_id}
    assert ledger.close(other, 1) == POSTED
    assert ledger.amounts(ROUTED) == Amounts(999, credits=1000, debits=1)


@pytest.mark.parametrize("hold_id", ["run.1", "a b", "nano", "#h", "запрос-🧾", "x" * 200])
def test_any_hold_id_can_be_held_and_closed(ledger: Ledger, hold_id: str) -> None:
    ledger.held(400, hold_id=hold_id)
    assert set(ledger.wallet().holds) == {hold_id}
    change = CloseHold(hold_id, 400, 100, None)
    assert ledger.post(receipt(hold_request(400), 100), change) == POSTED
    assert ledger.wallet().holds == {}
