"""Giving back a hold whose request has ended: only with its entry, only while it is open, only by its exact amount."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.conformance.builders import ACCOUNT, KEY, OFFICIAL, ROUTED, STRANGER, hold_request, receipt
from tests.conformance.ledger import Amounts, Ledger, open_hold
from tokens_forge.journal import EntryType, entry_id_of
from tokens_forge.store.port import Unchanged
from tokens_forge.wallets import HoldRequest


def entry_id(hold: HoldRequest) -> str:
    return entry_id_of(hold.hold_id, EntryType.REQUEST)


def release(ledger: Ledger, hold: HoldRequest) -> bool:
    return ledger.release_hold(entry_id(hold), hold.account_id, hold.kind, open_hold(hold))


@pytest.fixture
def returned(ledger: Ledger) -> HoldRequest:
    """A hold of 400 that a delayed message placed again after its request had been charged 100."""
    hold = ledger.held(400)
    assert ledger.close(hold, 100).posted
    assert ledger.place_hold(hold).placed
    assert ledger.amounts() == Amounts(500, 400, credits=1000, debits=100)
    return hold


def test_a_hold_that_came_back_is_released(ledger: Ledger, returned: HoldRequest) -> None:
    assert release(ledger, returned)
    assert ledger.amounts() == Amounts(900, credits=1000, debits=100)
    assert ledger.wallet().holds == {}


def test_a_hold_is_released_once(ledger: Ledger, returned: HoldRequest) -> None:
    assert [release(ledger, returned) for _ in range(3)] == [True, False, False]
    assert ledger.amounts() == Amounts(900, credits=1000, debits=100)


def test_a_hold_without_an_entry_is_not_released(ledger: Ledger) -> None:
    # Its request may still run: only an entry says that it has ended.
    hold = ledger.held(400)
    assert not release(ledger, hold)
    assert ledger.amounts() == Amounts(600, 400, credits=1000)


def test_an_entry_without_a_hold_releases_nothing(ledger: Ledger) -> None:
    hold = hold_request(400)
    assert ledger.post(receipt(hold), Unchanged()).posted
    assert not release(ledger, hold)
    assert ledger.amounts() == Amounts(1000, credits=1000)


def test_neither_entry_nor_hold_releases_nothing(ledger: Ledger) -> None:
    assert not release(ledger, hold_request(400))


@pytest.mark.parametrize("nano", [399, 401])
def test_a_hold_of_another_amount_is_not_released(ledger: Ledger, returned: HoldRequest, nano: int) -> None:
    assert not release(ledger, replace(returned, nano=nano))
    assert ledger.amounts() == Amounts(500, 400, credits=1000, debits=100)


def test_an_entry_of_another_request_does_not_count(ledger: Ledger) -> None:
    ended, running = ledger.held(100), ledger.held(400)
    assert ledger.close(ended, 100).posted
    assert not release(ledger, running)
    assert set(ledger.wallet().holds) == {running.hold_id}


def test_an_entry_on_the_other_wallet_does_not_count(ledger: Ledger) -> None:
    hold = ledger.held(400)
    assert ledger.post(receipt(replace(hold, kind=ROUTED, currency="CNY")), Unchanged()).posted
    assert not release(ledger, hold)


def test_only_the_named_wallet_gives_back(ledger: Ledger, returned: HoldRequest) -> None:
    other = ledger.held(300, kind=ROUTED, hold_id=returned.hold_id)
    assert release(ledger, returned)
    assert set(ledger.wallet(ROUTED).holds) == {other.hold_id}


def test_only_the_named_hold_is_released(ledger: Ledger, returned: HoldRequest) -> None:
    other = ledger.held(400)
    assert release(ledger, returned)
    assert set(ledger.wallet().holds) == {other.hold_id}
    assert ledger.amounts() == Amounts(500, 400, credits=1000, debits=100)


def test_a_released_hold_makes_room(ledger: Ledger, returned: HoldRequest) -> None:
    full = hold_request(1, open_holds_max=1)
    assert not ledger.place_hold(full).placed
    assert release(ledger, returned)
    assert ledger.place_hold(full).placed


def test_a_frozen_wallet_still_gives_holds_back(ledger: Ledger, returned: HoldRequest) -> None:
    ledger.freeze_wallet(ACCOUNT, OFFICIAL)
    assert release(ledger, returned)


def test_a_limit_that_was_taken_off_does_not_keep_a_hold(ledger: Ledger) -> None:
    ledger.set_key_spend_limit(ACCOUNT, OFFICIAL, KEY, 500)
    hold = ledger.held(400, limited_key_id=KEY)
    assert ledger.post(receipt(hold), Unchanged()).posted
    ledger.set_key_spend_limit(ACCOUNT, OFFICIAL, KEY, None)
    assert release(ledger, hold)
    assert ledger.amounts() == Amounts(1000, credits=1000)


def test_an_unknown_wallet_releases_nothing(ledger: Ledger) -> None:
    hold = hold_request(400, account_id=STRANGER)
    assert not release(ledger, hold)
    assert ledger.post(receipt(hold), Unchanged()).posted
    assert not release(ledger, hold)
    assert ledger.read_wallet(STRANGER, OFFICIAL) is None


def test_a_release_writes_no_entry(ledger: Ledger, returned: HoldRequest) -> None:
    ended = ledger.read_entry(ACCOUNT, OFFICIAL, entry_id(returned))
    assert release(ledger, returned)
    assert ledger.read_entry(ACCOUNT, OFFICIAL, entry_id(returned)) == ended
