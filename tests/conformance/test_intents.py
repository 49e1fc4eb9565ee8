"""Intent records: written once, then given an outcome or checkpoints, and found again by their minute."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.conformance.builders import intent, outcome, request_id
from tests.conformance.ledger import Ledger
from tests.unit.builders import NOW_MS
from tokens_forge.ids import minute_of
from tokens_forge.journal import SettlementReason
from tokens_forge.store.port import IntentRecord

MINUTE = minute_of(NOW_MS)
MINUTE_MS = 60_000
START_MS = NOW_MS // MINUTE_MS * MINUTE_MS  # the first millisecond of MINUTE


def test_an_intent_is_kept_without_outcome_and_checkpoint(empty_ledger: Ledger) -> None:
    made = intent()
    empty_ledger.put_intent(made)
    assert empty_ledger.read_intent(made.request_id) == IntentRecord(made)


def test_an_intent_put_twice_stays_as_it_was(empty_ledger: Ledger) -> None:
    made = intent()
    for again in (made, made, replace(made, hold_nano=1, model="other")):
        empty_ledger.put_intent(again)
    assert empty_ledger.read_intent(made.request_id) == IntentRecord(made)


@pytest.mark.parametrize("last", ["outcome", "checkpoint", "both"])
def test_a_late_duplicate_of_an_intent_erases_nothing(empty_ledger: Ledger, last: str) -> None:
    made = intent()
    empty_ledger.put_intent(made)
    if last != "checkpoint":
        empty_ledger.record_outcome(made, outcome(1))
    if last != "outcome":
        empty_ledger.record_checkpoint(made, outcome(2))
    before = empty_ledger.read_intent(made.request_id)
    empty_ledger.put_intent(made)
    assert empty_ledger.read_intent(made.request_id) == before != IntentRecord(made)


def test_the_first_outcome_stays(empty_ledger: Ledger) -> None:
    made = intent()
    empty_ledger.put_intent(made)
    for output in (1, 2, 3):
        empty_ledger.record_outcome(made, outcome(output))
    assert empty_ledger.read_intent(made.request_id) == IntentRecord(made, outcome=outcome(1))


def test_the_latest_checkpoint_stays(empty_ledger: Ledger) -> None:
    made = intent()
    empty_ledger.put_intent(made)
    for output in (1, 3, 2):
        empty_ledger.record_checkpoint(made, outcome(output))
        assert empty_ledger.read_intent(made.request_id) == IntentRecord(made, checkpoint=outcome(output))


@pytest.mark.parametrize("order", ["checkpoint first", "outcome first"])
def test_outcome_and_checkpoint_are_kept_beside_each_other(empty_ledger: Ledger, order: str) -> None:
    made = intent()
    empty_ledger.put_intent(made)
    if order == "checkpoint first":
        empty_ledger.record_checkpoint(made, outcome(1))
    empty_ledger.record_outcome(made, outcome(2, reason=SettlementReason.CLIENT_LEFT))
    if order == "outcome first":
        empty_ledger.record_checkpoint(made, outcome(1))
    record = empty_ledger.read_intent(made.request_id)
    assert record == IntentRecord(made, outcome(2, reason=SettlementReason.CLIENT_LEFT), outcome(1))


@pytest.mark.parametrize("what", ["outcome", "checkpoint"])
@pytest.mark.parametrize("neighbour", [False, True])
def test_nothing_is_recorded_for_an_intent_that_is_not_there(empty_ledger: Ledger, what: str, neighbour: bool) -> None:
    # It may have expired. Half a record must not come into being.
    made = intent()
    if neighbour:
        empty_ledger.put_intent(intent())
    record = empty_ledger.record_outcome if what == "outcome" else empty_ledger.record_checkpoint
    record(made, outcome())
    assert empty_ledger.read_intent(made.request_id) is None
    assert len(empty_ledger.minute_intents(MINUTE)) == int(neighbour)


def test_what_came_before_its_intent_is_not_kept(empty_ledger: Ledger) -> None:
    made = intent()
    empty_ledger.record_checkpoint(made, outcome(1))
    empty_ledger.record_outcome(made, outcome(2))
    empty_ledger.put_intent(made)
    assert empty_ledger.read_intent(made.request_id) == IntentRecord(made)


def test_an_outcome_reaches_its_own_intent_only(empty_ledger: Ledger) -> None:
    first, second = intent(), intent()
    for made in (first, second):
        empty_ledger.put_intent(made)
    empty_ledger.record_outcome(first, outcome(1))
    empty_ledger.record_checkpoint(second, outcome(2))
    assert empty_ledger.read_intent(first.request_id) == IntentRecord(first, outcome=outcome(1))
    assert empty_ledger.read_intent(second.request_id) == IntentRecord(second, checkpoint=outcome(2))


@pytest.mark.parametrize(("after_start_ms", "inside"), [(-1, False), (0, True), (59_999, True), (60_000, False)])
def test_a_minute_has_its_own_intents(empty_ledger: Ledger, after_start_ms: int, inside: bool) -> None:
    made = intent(START_MS + after_start_ms)
    empty_ledger.put_intent(made)
    assert empty_ledger.minute_intents(MINUTE) == ([IntentRecord(made)] if inside else [])
    assert empty_ledger.minute_intents(made.minute) == [IntentRecord(made)]
    assert empty_ledger.read_intent(made.request_id) == IntentRecord(made)


def test_a_minutes_intents_come_in_the_order_of_their_ids(empty_ledger: Ledger) -> None:
    made = [intent(START_MS + at_ms) for at_ms in (30_000, 1, 59_999, 0, 2)]
    for one in made:
        empty_ledger.put_intent(one)
    empty_ledger.record_outcome(made[1], outcome())
    found = [record.intent for record in empty_ledger.minute_intents(MINUTE)]
    assert found == sorted(made, key=lambda one: one.request_id)


@pytest.mark.parametrize("count", [1, 3, 4, 8])
def test_a_minute_is_read_past_one_page(empty_ledger: Ledger, count: int) -> None:
    # A page of DynamoDB is 1 MB; each of these items has 300 KB.
    made = [intent(START_MS + number, model="m" * 300_000) for number in range(count)]
    for one in made:
        empty_ledger.put_intent(one)
    assert empty_ledger.minute_intents(MINUTE) == [IntentRecord(one) for one in made]


def test_one_request_id_is_one_record_whoever_asks(empty_ledger: Ledger) -> None:
    made = intent(request_id=request_id())
    empty_ledger.put_intent(made)
    empty_ledger.put_intent(replace(made, account_id="acc_zzzzzzzzzzzz"))
    assert empty_ledger.minute_intents(MINUTE) == [IntentRecord(made)]
