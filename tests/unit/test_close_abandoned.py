"""What the sweeper makes of an old request, whatever it finds, and though somebody else ends it at the same moment."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.builders import NOW_MS
from tests.unit.settlement_bench import ACCOUNT, DOLLAR, Bench, intent, outcome
from tokens_forge.intents import Held, Intent
from tokens_forge.journal import Entry, EntryType, SettlementReason, UsageSource, entry_id_of
from tokens_forge.pricing import Usage
from tokens_forge.settlement import Closing
from tokens_forge.store.port import IntentRecord
from tokens_forge.wallets import OpenHold, WalletKind

OFFICIAL = WalletKind.OFFICIAL
USED, SEEN = Usage(input=10, output=50), Usage(output=20)


def entry_of(bench: Bench, made: Intent) -> Entry | None:
    return bench.store.read_entry(ACCOUNT, OFFICIAL, entry_id_of(made.request_id, EntryType.REQUEST))


def close(bench: Bench, made: Intent) -> Closing:
    record = bench.store.read_intent(made.request_id)
    assert record is not None
    return bench.settlement.close_abandoned(record)


@pytest.fixture
def held(bench: Bench) -> Held:
    return bench.settlement.hold(intent(), auth_epoch=0)


def test_without_a_note_it_is_voided_as_abandoned(bench: Bench, held: Held) -> None:
    assert close(bench, held.intent) is Closing.VOIDED
    entry = entry_of(bench, held.intent)
    assert entry is not None and entry.request is not None and entry.postings == ()
    assert (entry.request.reason, entry.request.usage_source) == (SettlementReason.ABANDONED, UsageSource.NONE)
    assert (entry.request.hold_nano, entry.request.attempts) == (held.hold_nano, ())
    assert bench.wallet().available_nano == DOLLAR and bench.wallet().holds == {}


@pytest.mark.parametrize(("notes", "used"), [("outcome", USED), ("checkpoint", SEEN), ("both", USED)])
def test_a_note_is_posted_and_the_outcome_comes_before_the_checkpoint(
    bench: Bench, held: Held, notes: str, used: Usage
) -> None:
    if notes != "outcome":
        bench.settlement.checkpoint(held, outcome(SEEN, SettlementReason.ABANDONED))
    if notes != "checkpoint":
        bench.settlement.keep_outcome(held, outcome(USED))
    assert close(bench, held.intent) is Closing.SETTLED
    entry = entry_of(bench, held.intent)
    assert entry is not None and entry.request is not None and entry.request.usage == used


def test_a_note_that_nothing_was_used_voids(bench: Bench, held: Held) -> None:
    bench.settlement.keep_outcome(held, outcome(Usage(), SettlementReason.UPSTREAM_FAILED))
    assert close(bench, held.intent) is Closing.VOIDED
    entry = entry_of(bench, held.intent)
    assert entry is not None and entry.request is not None
    assert entry.request.reason is SettlementReason.UPSTREAM_FAILED


def test_what_is_ended_stays_as_it_is(bench: Bench, held: Held) -> None:
    entry = bench.settlement.settle(held, outcome(USED))
    before = bench.wallet()
    assert close(bench, held.intent) is Closing.WAS_ENDED
    assert (entry_of(bench, held.intent), bench.wallet()) == (entry, before)


def test_a_hold_beside_an_entry_is_given_back(bench: Bench, held: Held) -> None:
    entry = bench.settlement.settle(held, outcome(USED))
    before = bench.wallet()
    bench.settlement.hold_less(held.intent, 0, 77)
    assert close(bench, held.intent) is Closing.RELEASED
    assert (entry_of(bench, held.intent), bench.wallet()) == (entry, before)


@pytest.mark.parametrize("has_wallet", [True, False])
def test_what_was_never_held_gets_an_entry_that_says_so(bench: Bench, has_wallet: bool) -> None:
    made = intent() if has_wallet else intent(account_id="acc_zzzzzzzzzzzz")
    bench.store.put_intent(made)
    before = bench.wallet()
    assert close(bench, made) is Closing.NOT_HELD
    entry = bench.store.read_entry(made.account_id, OFFICIAL, entry_id_of(made.request_id, EntryType.REQUEST))
    assert entry is not None and entry.request is not None
    assert (entry.request.reason, entry.request.hold_nano) == (SettlementReason.NOT_HELD, 0)
    assert entry.postings == () and bench.wallet() == before
    assert close(bench, made) is Closing.WAS_ENDED


def test_a_settle_at_the_same_moment_stands(bench: Bench, held: Held) -> None:
    bench.store.meanwhile = [lambda: bench.settlement.settle(held, outcome(USED))]
    assert close(bench, held.intent) is Closing.CHANGED_UNDER_US
    entry = entry_of(bench, held.intent)
    assert entry is not None and entry.request is not None and entry.request.usage == USED
    assert close(bench, held.intent) is Closing.WAS_ENDED


def test_another_sweeper_at_the_same_moment_does_the_same(bench: Bench, held: Held) -> None:
    bench.store.meanwhile = [lambda: close(bench, held.intent)]
    assert close(bench, held.intent) is Closing.VOIDED
    assert bench.wallet().available_nano == DOLLAR


def test_a_hold_that_arrives_at_the_same_moment_meets_the_entry(bench: Bench) -> None:
    made = intent()
    bench.store.put_intent(made)
    bench.store.meanwhile = [lambda: bench.settlement.hold_less(made, 0, made.hold_nano)]
    assert close(bench, made) is Closing.NOT_HELD
    assert close(bench, made) is Closing.RELEASED
    assert bench.wallet().available_nano == DOLLAR


def test_a_hold_that_changes_at_the_same_moment_is_looked_at_again(bench: Bench, held: Held) -> None:
    other = OpenHold(held.intent.request_id, 5, NOW_MS)
    wallet = bench.wallet()
    moved = replace(
        wallet,
        available_nano=wallet.available_nano + held.hold_nano - 5,
        held_nano=5,
        holds={other.hold_id: other},
    )
    bench.store.meanwhile = [lambda: bench.store.wallets.update({(ACCOUNT, OFFICIAL): moved})]
    assert close(bench, held.intent) is Closing.CHANGED_UNDER_US
    assert entry_of(bench, held.intent) is None, "nothing was written"
    assert close(bench, held.intent) is Closing.VOIDED
    assert bench.wallet().available_nano == DOLLAR


def test_a_hold_that_another_sweeper_has_given_back_is_not_given_back_twice(bench: Bench, held: Held) -> None:
    bench.settlement.settle(held, outcome(USED))
    before = bench.wallet()
    bench.settlement.hold_less(held.intent, 0, 77)
    bench.store.meanwhile = [lambda: close(bench, held.intent)]
    assert close(bench, held.intent) is Closing.WAS_ENDED
    assert bench.wallet() == before


def test_a_record_that_was_read_long_ago_is_as_good(bench: Bench, held: Held) -> None:
    old = IntentRecord(held.intent)
    bench.settlement.settle(held, outcome(USED))
    assert bench.settlement.close_abandoned(old) is Closing.WAS_ENDED
