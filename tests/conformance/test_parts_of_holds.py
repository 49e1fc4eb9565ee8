"""A step's part of its run's hold: taken out of it and given back to it, so that nothing else of the wallet moves."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.conformance.builders import ACCOUNT, KEY, OFFICIAL, ROUTED, hold_request, receipt, request_id
from tests.conformance.ledger import Amounts, Ledger, closing, open_hold
from tokens_forge.ids import new_id
from tokens_forge.journal import EntryType, entry_id_of
from tokens_forge.store.port import HoldAnswer, PostAnswer, Unchanged
from tokens_forge.wallets import HoldRefusal, HoldRequest, why_refused

WHOLE = new_id("hold", 1_790_000_000_000)


@pytest.fixture
def whole(ledger: Ledger) -> HoldRequest:
    """A run's hold of 600."""
    return ledger.held(600, hold_id=WHOLE)


def part(nano: int = 250, **changes: Any) -> HoldRequest:
    return hold_request(nano, **{"hold_id": request_id(), "part_of": WHOLE, **changes})


def left(ledger: Ledger) -> int:
    """What the run's hold still holds."""
    return ledger.wallet().holds[WHOLE].nano


@pytest.mark.parametrize("nano", [1, 599, 600])
def test_a_part_comes_out_of_the_whole_and_of_nothing_else(ledger: Ledger, whole: HoldRequest, nano: int) -> None:
    before = ledger.amounts()
    step = part(nano)
    assert ledger.place_hold(step).placed
    assert ledger.amounts() == before == Amounts(400, 600, credits=1000)
    assert ledger.wallet().holds == {WHOLE: replace(open_hold(whole), nano=600 - nano), step.hold_id: open_hold(step)}


def test_a_part_larger_than_what_is_left_is_refused_whatever_is_available(ledger: Ledger, whole: HoldRequest) -> None:
    assert ledger.place_hold(part(400)).placed
    before = ledger.wallet()
    too_much = part(201)
    assert ledger.place_hold(too_much) == HoldAnswer(placed=False, before=before)
    assert why_refused(before, too_much) is HoldRefusal.RUN_SPENT
    assert ledger.place_hold(part(200)).placed


def test_a_part_of_a_hold_that_is_not_open_is_refused(ledger: Ledger) -> None:
    before = ledger.wallet()
    assert ledger.place_hold(part(1)) == HoldAnswer(placed=False, before=before)
    assert why_refused(before, part(1)) is HoldRefusal.RUN_ENDED


@pytest.mark.parametrize("charge", [0, 1, 249, 250])
def test_what_a_step_does_not_spend_goes_back_to_its_run(ledger: Ledger, whole: HoldRequest, charge: int) -> None:
    step = part()
    assert ledger.place_hold(step).placed
    assert ledger.close(step, charge).posted
    assert left(ledger) == 600 - charge
    assert ledger.amounts() == Amounts(400, 600 - charge, credits=1000, debits=charge)


def test_a_part_cannot_go_back_to_a_hold_that_was_released(ledger: Ledger, whole: HoldRequest) -> None:
    step = part()
    assert ledger.place_hold(step).placed
    ended = replace(receipt(whole), entry_id=entry_id_of(WHOLE, EntryType.RUN), request=None)
    assert ledger.post(ended, closing(replace(whole, nano=350))).posted
    before = ledger.wallet()
    assert ledger.post(receipt(step, 100), closing(step, 100)) == PostAnswer(posted=False, before=before)
    assert ledger.post(receipt(step, 100), closing(replace(step, part_of=None), 100)).posted
    assert ledger.amounts() == Amounts(900, credits=1000, debits=100)


def test_a_part_is_placed_and_closed_once(ledger: Ledger, whole: HoldRequest) -> None:
    step = part()
    assert ledger.place_hold(step).placed
    assert not ledger.place_hold(step).placed
    assert ledger.close(step, 100).posted
    assert not ledger.close(step, 100).posted
    assert left(ledger) == 500


def test_the_keys_limit_is_used_up_by_the_whole_and_not_again_by_its_parts(ledger: Ledger) -> None:
    ledger.set_key_spend_limit(ACCOUNT, OFFICIAL, KEY, 600)
    whole = ledger.held(600, hold_id=WHOLE, limited_key_id=KEY)
    step = part(limited_key_id=KEY)
    assert ledger.place_hold(step).placed
    assert ledger.close(step, 100).posted
    assert ledger.wallet().key_spend_left_nano == {KEY: 0}
    second = part(limited_key_id=KEY)
    assert ledger.place_hold(second).placed
    ended = replace(receipt(whole), entry_id=entry_id_of(WHOLE, EntryType.RUN), request=None)
    assert ledger.post(ended, closing(replace(whole, nano=250))).posted
    assert ledger.wallet().key_spend_left_nano == {KEY: 250}
    assert ledger.post(receipt(second, 50), closing(replace(second, part_of=None), 50)).posted
    assert ledger.wallet().key_spend_left_nano == {KEY: 450}, "150 of 600 were spent"


@pytest.mark.parametrize("still_open", [True, False])
def test_a_part_that_came_back_is_released_into_the_whole_while_that_is_open(
    ledger: Ledger, whole: HoldRequest, still_open: bool
) -> None:
    step = part()
    assert ledger.place_hold(step).placed
    entry_id = entry_id_of(step.hold_id, EntryType.REQUEST)
    assert ledger.post(receipt(step), Unchanged()).posted
    if not still_open:
        ended = replace(receipt(whole), entry_id=entry_id_of(WHOLE, EntryType.RUN), request=None)
        assert ledger.post(ended, closing(replace(whole, nano=350))).posted
    assert ledger.release_hold(entry_id, ACCOUNT, OFFICIAL, open_hold(step)) is still_open
    assert ledger.release_hold(entry_id, ACCOUNT, OFFICIAL, replace(open_hold(step), part_of=None)) is not still_open
    assert ledger.amounts() == (Amounts(400, 600, credits=1000) if still_open else Amounts(1000, credits=1000))


@pytest.mark.parametrize("why", ["frozen", "epoch", "currency", "count", "other wallet"])
def test_a_part_keeps_every_other_condition_of_a_hold(ledger: Ledger, whole: HoldRequest, why: str) -> None:
    if why == "frozen":
        ledger.freeze_wallet(ACCOUNT, OFFICIAL)
    cases: dict[str, dict[str, Any]] = {
        "frozen": {},
        "epoch": {"auth_epoch": 1},
        "currency": {"currency": "EUR"},
        "count": {"open_holds_max": 1},
        "other wallet": {"kind": ROUTED, "currency": "CNY"},
    }
    asked = replace(part(1), **cases[why])
    refusals = {
        "frozen": HoldRefusal.FROZEN,
        "epoch": HoldRefusal.AUTH_EPOCH,
        "currency": HoldRefusal.CURRENCY,
        "count": HoldRefusal.TOO_MANY_HOLDS,
        "other wallet": HoldRefusal.RUN_ENDED,
    }
    before = ledger.read_wallet(ACCOUNT, asked.kind)
    assert ledger.place_hold(asked) == HoldAnswer(placed=False, before=before)
    assert why_refused(before, asked) is refusals[why]
