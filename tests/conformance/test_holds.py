"""Placing a hold: each condition of the one conditional update, passed and failed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.conformance.builders import ACCOUNT, KEY, OFFICIAL, OTHER_KEY, ROUTED, STRANGER, hold_request
from tests.conformance.ledger import Amounts, Ledger, open_hold
from tokens_forge.store.port import HoldAnswer
from tokens_forge.wallets import OPEN_HOLDS_MAX, HoldRefusal, why_refused

PLACED = HoldAnswer(placed=True)


def refused(ledger: Ledger, refusal: HoldRefusal, **changes: Any) -> None:
    """The hold is refused for this reason alone, the wallet that refused is told, and nothing has changed."""
    request = hold_request(**{"nano": 100, **changes})
    before = ledger.read_wallet(request.account_id, request.kind)
    assert ledger.place_hold(request) == HoldAnswer(placed=False, before=before)
    assert why_refused(before, request) is refusal
    assert ledger.read_wallet(request.account_id, request.kind) == before


@pytest.mark.parametrize("nano", [1, 2, 999, 1000])
def test_a_hold_moves_its_amount_from_available_to_held(ledger: Ledger, nano: int) -> None:
    assert ledger.place_hold(hold_request(nano)) == PLACED
    assert ledger.amounts() == Amounts(available=1000 - nano, held=nano, credits=1000)


@pytest.mark.parametrize("nano", [1001, 1002, 10**24])
def test_a_hold_of_more_than_is_available_is_refused(ledger: Ledger, nano: int) -> None:
    refused(ledger, HoldRefusal.INSUFFICIENT, nano=nano)


def test_what_is_held_is_not_available_any_more(ledger: Ledger) -> None:
    ledger.held(600)
    refused(ledger, HoldRefusal.INSUFFICIENT, nano=401)
    assert ledger.place_hold(hold_request(400)) == PLACED
    assert ledger.amounts() == Amounts(held=1000, credits=1000)


def test_an_empty_wallet_holds_nothing(ledger: Ledger) -> None:
    assert ledger.take(1000).posted
    refused(ledger, HoldRefusal.INSUFFICIENT, nano=1)


def test_a_wallet_in_debt_holds_nothing(ledger: Ledger) -> None:
    ledger.owing(50)
    refused(ledger, HoldRefusal.INSUFFICIENT, nano=1)


@pytest.mark.parametrize("again", ["the same", "more", "less", "later", "for another key"])
def test_a_hold_id_is_held_once(ledger: Ledger, again: str) -> None:
    first = ledger.held(400)
    ledger.set_key_spend_limit(ACCOUNT, OFFICIAL, KEY, 1000)
    changed = {
        "the same": first,
        "more": replace(first, nano=500),
        "less": replace(first, nano=1),
        "later": replace(first, placed_at_ms=first.placed_at_ms + 1),
        "for another key": replace(first, limited_key_id=KEY),
    }[again]
    before = ledger.wallet()
    assert ledger.place_hold(changed) == HoldAnswer(placed=False, before=before)
    assert why_refused(before, changed) is HoldRefusal.ALREADY_HELD
    assert before.holds == {first.hold_id: open_hold(first)}


def test_a_hold_id_can_be_held_again_after_it_was_closed(ledger: Ledger) -> None:
    # A delayed message does this: the sweeper releases it, because the entry is there.
    first = ledger.held(400)
    assert ledger.close(first).posted
    assert ledger.place_hold(first) == PLACED
    assert ledger.amounts() == Amounts(available=600, held=400, credits=1000)


def test_a_hold_in_another_currency_is_refused(ledger: Ledger) -> None:
    refused(ledger, HoldRefusal.CURRENCY, currency="CNY")
    refused(ledger, HoldRefusal.CURRENCY, currency="usd")


@pytest.mark.parametrize(("raised", "epoch"), [(0, 1), (1, 0), (1, 2), (3, 2)])
def test_a_hold_of_another_auth_epoch_is_refused(ledger: Ledger, raised: int, epoch: int) -> None:
    for _ in range(raised):
        ledger.raise_auth_epoch(ACCOUNT, OFFICIAL)
    refused(ledger, HoldRefusal.AUTH_EPOCH, auth_epoch=epoch)


def test_a_hold_of_the_current_auth_epoch_is_placed(ledger: Ledger) -> None:
    ledger.raise_auth_epoch(ACCOUNT, OFFICIAL)
    ledger.raise_auth_epoch(ACCOUNT, OFFICIAL)
    assert ledger.wallet().auth_epoch == 2
    assert ledger.place_hold(hold_request(1, auth_epoch=2)) == PLACED


def test_a_raised_epoch_leaves_open_holds_and_the_other_wallet(ledger: Ledger) -> None:
    hold = ledger.held(400)
    ledger.raise_auth_epoch(ACCOUNT, OFFICIAL)
    assert ledger.close(hold, 100).posted
    assert ledger.wallet(ROUTED).auth_epoch == 0
    assert ledger.place_hold(hold_request(1, kind=ROUTED)) == PLACED


def test_a_frozen_wallet_takes_no_new_hold(ledger: Ledger) -> None:
    ledger.freeze_wallet(ACCOUNT, OFFICIAL)
    refused(ledger, HoldRefusal.FROZEN, nano=1)
    assert ledger.place_hold(hold_request(1, kind=ROUTED)) == PLACED, "the other wallet is another matter"


@pytest.mark.parametrize(("open_holds", "most"), [(0, 0), (1, 1), (3, 3), (3, 2)])
def test_a_wallet_has_only_so_many_open_holds(ledger: Ledger, open_holds: int, most: int) -> None:
    for _ in range(open_holds):
        ledger.held(1)
    refused(ledger, HoldRefusal.TOO_MANY_HOLDS, nano=1, open_holds_max=most)
    assert ledger.place_hold(hold_request(1, open_holds_max=open_holds + 1)) == PLACED


def test_a_closed_hold_makes_room_for_another(ledger: Ledger) -> None:
    first = ledger.held(1, open_holds_max=2)
    second = ledger.held(1, open_holds_max=2)
    refused(ledger, HoldRefusal.TOO_MANY_HOLDS, nano=1, open_holds_max=2)
    assert ledger.close(first).posted
    third = ledger.held(1, open_holds_max=2)
    refused(ledger, HoldRefusal.TOO_MANY_HOLDS, nano=1, open_holds_max=2)
    assert set(ledger.wallet().holds) == {second.hold_id, third.hold_id}


def test_the_most_open_holds_that_the_product_allows_fit_into_one_wallet(ledger: Ledger) -> None:
    with ledger.unwatched():
        for _ in range(OPEN_HOLDS_MAX):
            ledger.held(5)
    refused(ledger, HoldRefusal.INSUFFICIENT, nano=1)
    assert ledger.credit(1).posted
    refused(ledger, HoldRefusal.TOO_MANY_HOLDS, nano=1)
    assert len(ledger.wallet().holds) == OPEN_HOLDS_MAX


def test_an_unknown_account_or_wallet_holds_nothing(ledger: Ledger) -> None:
    refused(ledger, HoldRefusal.NO_WALLET, account_id=STRANGER)
    refused(ledger, HoldRefusal.NO_WALLET, account_id=STRANGER, limited_key_id=KEY)


@pytest.mark.parametrize("limited_key_id", [None, KEY, OTHER_KEY])
def test_a_hold_remembers_its_time_and_its_limited_key(ledger: Ledger, limited_key_id: str | None) -> None:
    for key_id in (KEY, OTHER_KEY):
        ledger.set_key_spend_limit(ACCOUNT, OFFICIAL, key_id, 10)
    hold = ledger.held(7, placed_at_ms=1_234_567_890_123, limited_key_id=limited_key_id)
    assert ledger.wallet().holds == {hold.hold_id: open_hold(hold)}


@pytest.mark.parametrize("also", ["frozen", "epoch", "amount", "key", "count"])
def test_two_conditions_that_fail_refuse_like_one(ledger: Ledger, also: str) -> None:
    if also == "frozen":
        ledger.freeze_wallet(ACCOUNT, OFFICIAL)
    request = hold_request(
        1001 if also == "amount" else 1,
        currency="EUR",
        auth_epoch=9 if also == "epoch" else 0,
        limited_key_id=KEY if also == "key" else None,
        open_holds_max=0 if also == "count" else 1,
    )
    before = ledger.wallet()
    assert ledger.place_hold(request) == HoldAnswer(placed=False, before=before)
    assert why_refused(before, request) is HoldRefusal.CURRENCY, "the most telling reason comes first"
