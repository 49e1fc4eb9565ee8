"""A request whose answer is lost is ended for good before its retry runs: what it cost by then is charged, and nothing later is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.builders import NOW_MS
from tests.unit.settlement_bench import ACCOUNT, DOLLAR, Bench, intent, outcome
from tokens_forge.ids import new_id
from tokens_forge.intents import Held
from tokens_forge.journal import EntryType, SettlementReason, UsageSource, entry_id_of
from tokens_forge.pricing import Usage
from tokens_forge.settlement import AlreadySettled
from tokens_forge.wallets import WalletKind

USED = Usage(input=10, output=50)


@pytest.fixture
def held(bench: Bench) -> Held:
    return bench.settlement.hold(intent(), auth_epoch=0)


def test_a_request_that_never_got_as_far_as_its_intent_was_not_charged(bench: Bench) -> None:
    assert not bench.settlement.end_for_retry(new_id("req", NOW_MS))
    assert bench.wallet().available_nano == DOLLAR


def test_what_is_known_to_be_used_is_charged_and_the_retry_is_told(bench: Bench, held: Held) -> None:
    bench.settlement.keep_outcome(held, outcome(USED))
    assert bench.settlement.end_for_retry(held.intent.request_id)
    spent_nano = DOLLAR - bench.wallet().available_nano
    assert spent_nano > 0 and bench.wallet().holds == {}
    assert bench.settlement.end_for_retry(held.intent.request_id), "asking again says the same"
    assert DOLLAR - bench.wallet().available_nano == spent_nano


def test_an_answer_that_comes_after_its_retry_began_is_not_charged(bench: Bench, held: Held) -> None:
    assert not bench.settlement.end_for_retry(held.intent.request_id)
    voided = bench.store.read_entry(
        ACCOUNT, WalletKind.OFFICIAL, entry_id_of(held.intent.request_id, EntryType.REQUEST)
    )
    assert voided is not None and voided.wallet_nano == 0
    with pytest.raises(AlreadySettled):
        bench.settlement.settle_late(held, outcome(USED), voided)
    assert bench.wallet().available_nano == DOLLAR and bench.wallet().holds == {}
    late = bench.store.read_entry(ACCOUNT, WalletKind.OFFICIAL, entry_id_of(held.intent.request_id, EntryType.LATE))
    assert late is not None and late.request is not None and late.request.reason is SettlementReason.REPEATED
    assert (late.request.hold_nano, late.request.usage_source) == (0, UsageSource.NONE)


def test_an_answer_that_was_charged_late_before_is_told(bench: Bench, held: Held) -> None:
    voided = bench.settlement.void(held, SettlementReason.UPSTREAM_FAILED, ())
    late = bench.settlement.settle_late(held, outcome(USED), voided)
    assert late.wallet_nano < 0
    assert bench.settlement.end_for_retry(held.intent.request_id), "charged once, by the late entry"
    assert bench.wallet().available_nano == DOLLAR + late.wallet_nano


def test_it_looks_again_when_somebody_else_ends_the_request_at_the_same_moment(bench: Bench, held: Held) -> None:
    bench.store.meanwhile.append(lambda: bench.settlement.settle(held, outcome(USED)))
    assert bench.settlement.end_for_retry(held.intent.request_id)
    assert bench.clock.slept_ms == [1]


def test_a_retry_is_never_charged_itself(bench: Bench, held: Held) -> None:
    bench.settlement.settle(held, outcome(USED))
    left_nano = bench.wallet().available_nano
    again = replace(intent(), repeats=held.intent.request_id)
    entry = bench.settlement.settle(bench.settlement.hold(again, auth_epoch=0), outcome(USED))
    assert entry.wallet_nano == 0 and entry.request is not None
    assert entry.request.reason is SettlementReason.REPEATED and entry.request.usage == Usage()
    assert bench.wallet().available_nano == left_nano and bench.wallet().holds == {}
