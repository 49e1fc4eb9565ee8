"""The reasons of a cancelled transaction, by position: which are answers, which are faults, and which of two wins."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.builders import ACCOUNT, OFFICIAL, hold_request, receipt, top_up
from tests.conformance.ledger import closing, open_hold
from tests.conformance.wire import Script, ScriptedDynamoDB, cancelled, error, ok
from tests.unit.builders import NOW_MS
from tokens_forge.store.codec import entry_item, wallet_item
from tokens_forge.store.port import (
    Credit,
    HoldAnswer,
    PostAnswer,
    StoreConflict,
    StoreFault,
    StoreThrottled,
    Take,
    Unchanged,
    WalletChange,
)
from tokens_forge.wallets import Wallet

HOLD = hold_request(400)
WALLET = Wallet(ACCOUNT, OFFICIAL, "USD", 600, credits_total_nano=600, opened_at_ms=NOW_MS)
ENTRIES = {"close": receipt(HOLD, 100), "credit": top_up(10), "take": top_up(-10)}
CHANGES: dict[str, WalletChange] = {"close": closing(HOLD, 100), "credit": Credit(10), "take": Take(10)}
TRANSACTIONS = [*CHANGES, "release"]
PASSED: dict[str, Any] = {"Code": "None"}
FAILED: dict[str, Any] = {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"}
CONFLICT: dict[str, Any] = {"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"}
THROTTLED: dict[str, Any] = {"Code": "ThrottlingError", "Message": "Throughput exceeds the current capacity"}
EXHAUSTED: dict[str, Any] = {"Code": "ProvisionedThroughputExceeded", "Message": "The level was exceeded"}
FINAL = ["ItemCollectionSizeLimitExceeded", "ValidationError", "DuplicateItem", "AccessDenied", "SomethingNew"]


def send(name: str, *script: Script) -> Any:
    """Carry out one transaction against a script; all of the script was asked for."""
    scripted = ScriptedDynamoDB(*script)
    try:
        if name == "release":
            return scripted.store.release_hold(ENTRIES["close"].entry_id, ACCOUNT, OFFICIAL, open_hold(HOLD))
        return scripted.store.post(ENTRIES[name], CHANGES[name])
    finally:
        assert scripted.left == 0


def fault_of(name: str, *reasons: dict[str, Any]) -> StoreFault:
    with pytest.raises(StoreFault) as caught:
        send(name, cancelled(*reasons))
    return caught.value


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("entry", [False, True])
@pytest.mark.parametrize("wallet", [False, True])
def test_a_failed_condition_is_an_answer_with_the_item_of_its_position(name: str, entry: bool, wallet: bool) -> None:
    stored = ENTRIES[name]
    first = {**FAILED, "Item": entry_item(stored)} if entry else PASSED
    second = {**FAILED, "Item": wallet_item(WALLET)} if wallet else PASSED
    expected = PostAnswer(False, stored if entry else None, WALLET if wallet else None)
    assert send(name, cancelled(first, second)) == expected


@pytest.mark.parametrize("name", CHANGES)
def test_a_failed_condition_without_an_item_found_nothing(name: str) -> None:
    assert send(name, cancelled(PASSED, FAILED)) == PostAnswer(posted=False)


@pytest.mark.parametrize("reasons", [(FAILED, PASSED), (PASSED, FAILED), (FAILED, FAILED)])
def test_a_release_that_fails_on_a_condition_says_no(reasons: tuple[dict[str, Any], ...]) -> None:
    assert send("release", cancelled(*reasons)) is False


@pytest.mark.parametrize("name", TRANSACTIONS)
@pytest.mark.parametrize("other", [PASSED, FAILED, THROTTLED, EXHAUSTED, CONFLICT])
@pytest.mark.parametrize("position", [0, 1])
def test_a_conflict_says_nothing_about_conditions(name: str, other: dict[str, Any], position: int) -> None:
    reasons = [CONFLICT, other] if position == 0 else [other, CONFLICT]
    fault = fault_of(name, *reasons)
    assert type(fault) is StoreConflict and str(fault) == "TransactionConflict"


@pytest.mark.parametrize("name", TRANSACTIONS)
@pytest.mark.parametrize("throttle", [THROTTLED, EXHAUSTED])
@pytest.mark.parametrize("other", [PASSED, FAILED, THROTTLED])
@pytest.mark.parametrize("position", [0, 1])
def test_a_throttle_says_nothing_about_conditions_either(
    name: str, throttle: dict[str, Any], other: dict[str, Any], position: int
) -> None:
    reasons = [throttle, other] if position == 0 else [other, throttle]
    fault = fault_of(name, *reasons)
    assert type(fault) is StoreThrottled
    assert str(fault) == ", ".join(reason["Code"] for reason in reasons)


@pytest.mark.parametrize("name", TRANSACTIONS)
@pytest.mark.parametrize("code", FINAL)
@pytest.mark.parametrize("other", [PASSED, FAILED])
@pytest.mark.parametrize("position", [0, 1])
def test_any_other_reason_is_a_fault_that_will_not_go_away(
    name: str, code: str, other: dict[str, Any], position: int
) -> None:
    reasons = [{"Code": code}, other] if position == 0 else [other, {"Code": code}]
    fault = fault_of(name, *reasons)
    assert type(fault) is StoreFault
    assert str(fault) == "transaction cancelled: " + ", ".join(reason["Code"] for reason in reasons)


@pytest.mark.parametrize("name", TRANSACTIONS)
def test_a_cancellation_without_reasons_is_not_taken_for_a_failed_condition(name: str) -> None:
    assert type(fault_of(name)) is StoreFault
    with pytest.raises(StoreFault, match=r"^transaction cancelled: $"):
        send(name, error("TransactionCanceledException"))


@pytest.mark.parametrize("name", CHANGES)
def test_a_reason_without_a_code_has_passed(name: str) -> None:
    there = {**FAILED, "Item": wallet_item(WALLET)}
    assert send(name, cancelled({}, there)) == PostAnswer(posted=False, before=WALLET)


@pytest.mark.parametrize("name", TRANSACTIONS)
def test_a_transaction_that_passes_is_posted(name: str) -> None:
    assert send(name, ok()) == (True if name == "release" else PostAnswer(posted=True))


def test_an_engine_that_does_not_tell_the_old_entry_is_asked_for_it() -> None:
    entry = ENTRIES["close"]
    refused = error("ConditionalCheckFailedException")
    told = error("ConditionalCheckFailedException", Item=entry_item(entry))
    for script, existing in (
        ([told], entry),
        ([refused, ok(Item=entry_item(entry))], entry),
        ([refused, ok()], None),  # it has gone again: nothing is made up
    ):
        scripted = ScriptedDynamoDB(*script)
        assert scripted.store.post(entry, Unchanged()) == PostAnswer(posted=False, existing=existing)
        assert scripted.left == 0


def test_a_refused_hold_tells_the_wallet_if_there_is_one() -> None:
    told = error("ConditionalCheckFailedException", Item=wallet_item(WALLET))
    assert ScriptedDynamoDB(told).store.place_hold(HOLD) == HoldAnswer(placed=False, before=WALLET)
    nothing = error("ConditionalCheckFailedException")
    assert ScriptedDynamoDB(nothing).store.place_hold(HOLD) == HoldAnswer(placed=False)
