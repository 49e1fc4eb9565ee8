"""A transaction that is cancelled says which of its two items stood in the way, and how that one stood."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.conformance.builders import ACCOUNT, OFFICIAL, STRANGER, hold_request, receipt, top_up
from tests.conformance.ledger import Ledger, closing
from tokens_forge.journal import Entry
from tokens_forge.store.port import Credit, PostAnswer, Take, Unchanged, WalletChange

POSTED = PostAnswer(posted=True)
CHANGES = ["close", "credit", "credit to a debt", "take", "take with a debt"]


def prepared(ledger: Ledger, name: str) -> tuple[Entry, WalletChange, WalletChange]:
    """An entry, the change with which it passes, and one whose condition fails."""
    hold = ledger.held(400)
    match name:
        case "close":
            return receipt(hold, 100), closing(hold, 100), closing(replace(hold, nano=401), 100)
        case "credit":
            return top_up(10), Credit(10), Credit(10, 10)
        case "credit to a debt":
            assert ledger.take(650, 50).posted
            return top_up(60), Credit(60, 50), Credit(60, 49)
        case "take":
            return top_up(-600), Take(600), Take(601)
        case _:
            return top_up(-650), Take(650, 50), Take(650, 49)


@pytest.mark.parametrize("name", CHANGES)
def test_nothing_stands_in_the_way(ledger: Ledger, name: str) -> None:
    entry, passes, _ = prepared(ledger, name)
    before = ledger.wallet()
    assert ledger.post(entry, passes) == POSTED
    assert ledger.read_entry(ACCOUNT, OFFICIAL, entry.entry_id) == entry
    assert ledger.wallet() != before


@pytest.mark.parametrize("name", CHANGES)
def test_the_entry_stands_in_the_way(ledger: Ledger, name: str) -> None:
    entry, passes, _ = prepared(ledger, name)
    there = replace(entry, written_at_ms=1)
    assert ledger.post(there, Unchanged()) == POSTED
    before = ledger.wallet()
    assert ledger.post(entry, passes) == PostAnswer(posted=False, existing=there)
    assert ledger.wallet() == before
    assert ledger.read_entry(ACCOUNT, OFFICIAL, entry.entry_id) == there


@pytest.mark.parametrize("name", CHANGES)
def test_the_wallet_stands_in_the_way(ledger: Ledger, name: str) -> None:
    entry, _, fails = prepared(ledger, name)
    before = ledger.wallet()
    assert ledger.post(entry, fails) == PostAnswer(posted=False, before=before)
    assert ledger.wallet() == before
    assert ledger.read_entry(ACCOUNT, OFFICIAL, entry.entry_id) is None


@pytest.mark.parametrize("name", CHANGES)
def test_both_stand_in_the_way(ledger: Ledger, name: str) -> None:
    entry, _, fails = prepared(ledger, name)
    there = replace(entry, written_at_ms=1)
    assert ledger.post(there, Unchanged()) == POSTED
    before = ledger.wallet()
    assert ledger.post(entry, fails) == PostAnswer(posted=False, existing=there, before=before)
    assert ledger.wallet() == before


@pytest.mark.parametrize("name", CHANGES)
def test_there_is_no_wallet(ledger: Ledger, name: str) -> None:
    entry, passes, _ = prepared(ledger, name)
    stray = replace(entry, account_id=STRANGER)
    assert ledger.post(stray, passes) == PostAnswer(posted=False)
    assert ledger.read_wallet(STRANGER, OFFICIAL) is None, "an update must not create a wallet"
    assert ledger.read_entry(STRANGER, OFFICIAL, entry.entry_id) is None


@pytest.mark.parametrize("name", CHANGES)
def test_there_is_an_entry_and_no_wallet(ledger: Ledger, name: str) -> None:
    entry, passes, _ = prepared(ledger, name)
    stray = replace(entry, account_id=STRANGER)
    assert ledger.post(stray, Unchanged()) == POSTED
    assert ledger.post(stray, passes) == PostAnswer(posted=False, existing=stray)


def test_an_entry_that_changes_nothing_is_put_once(ledger: Ledger) -> None:
    before = ledger.wallet()
    entry = receipt(hold_request(400))
    assert ledger.post(entry, Unchanged()) == POSTED
    again = replace(entry, written_at_ms=entry.written_at_ms + 1)
    assert ledger.post(again, Unchanged()) == PostAnswer(posted=False, existing=entry)
    assert ledger.wallet() == before


def test_an_entry_that_changes_nothing_needs_no_wallet_and_leaves_holds_open(ledger: Ledger) -> None:
    hold = ledger.held(400)
    assert ledger.post(receipt(hold), Unchanged()) == POSTED
    assert set(ledger.wallet().holds) == {hold.hold_id}
    assert ledger.post(receipt(replace(hold, account_id=STRANGER)), Unchanged()) == POSTED


def test_an_entry_that_changes_nothing_ignores_currency_and_freezing(ledger: Ledger) -> None:
    ledger.freeze_wallet(ACCOUNT, OFFICIAL)
    assert ledger.post(receipt(hold_request(400, currency="EUR")), Unchanged()) == POSTED


def test_a_settle_that_was_delayed_finds_the_entry_that_ended_its_request(ledger: Ledger) -> None:
    hold = ledger.held(400)
    void = receipt(hold)
    assert ledger.post(void, Unchanged()) == POSTED
    assert ledger.close(hold, 300) == PostAnswer(posted=False, existing=void)
    assert set(ledger.wallet().holds) == {hold.hold_id}
