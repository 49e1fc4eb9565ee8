"""The hold of a whole run: its steps live on it, it ends once, and nothing of it is ever lost or left."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.builders import NOW_MS
from tests.unit.settlement_bench import ACCOUNT, DOLLAR, Bench, funded, intent, outcome
from tokens_forge.checkout.books import OrderBooks
from tokens_forge.intents import Held, Intent
from tokens_forge.journal import Entry, EntryType, SettlementReason, entry_id_of
from tokens_forge.pricing import Usage
from tokens_forge.reconciliation import Reconciled, Reconciliation
from tokens_forge.settlement import Books, HoldLost, HoldRefused, Refunds, RunHold
from tokens_forge.settlement.runs import RUN_HOLD_AGE_MAX_MS, new_run_hold_id
from tokens_forge.store.port import IntentRecord, StoreSilent
from tokens_forge.store.simulated_orders import SimulatedOrderStore
from tokens_forge.sweeper import CURSOR
from tokens_forge.wallets import HoldRefusal, HoldRequest, WalletKind

HOLD = new_run_hold_id(NOW_MS)
RUN_HOLD = RunHold(HOLD, ACCOUNT, WalletKind.OFFICIAL, "USD", DOLLAR // 2)
USAGE = Usage(input=1000, output=100)


@pytest.fixture
def bench() -> Bench:
    """A dollar, half of it set aside for a run."""
    made = funded()
    made.settlement.runs.place(RUN_HOLD, 0)
    return made


def step(bench: Bench, nano: int = DOLLAR // 5) -> Held:
    """A step of the run, with its part set aside."""
    return bench.settlement.hold(intent(nano, part_of=HOLD), 0)


def end(bench: Bench) -> Entry:
    return bench.settlement.runs.end(bench.wallet(), HOLD)


def reconcile(bench: Bench) -> Reconciled:
    books = OrderBooks(SimulatedOrderStore(), bench.store, Refunds(Books(bench.store, bench.clock)))
    return Reconciliation(
        bench.store, bench.settlement, lambda: [ACCOUNT], Cursor(), books, bench.clock, window_s=0
    ).run()


def charge_of(entry: Entry) -> int:
    return -entry.wallet_nano


def test_a_run_is_set_aside_once_however_often_it_is_asked(bench: Bench) -> None:
    bench.settlement.runs.place(RUN_HOLD, 0)
    assert (bench.wallet().available_nano, bench.wallet().held_nano) == (DOLLAR // 2, DOLLAR // 2)


def test_the_entry_of_an_ended_run_says_whose_it_was_and_moves_nothing(bench: Bench) -> None:
    assert end(bench) == Entry(
        entry_id=entry_id_of(HOLD, EntryType.RUN),
        account_id=ACCOUNT,
        kind=WalletKind.OFFICIAL,
        currency="USD",
        written_at_ms=bench.clock.now_ms(),
        postings=(),
        reference=HOLD,
    )


def test_a_run_of_a_key_with_a_spend_limit_lives_within_it_and_gives_back_what_it_did_not_spend() -> None:
    bench, key_id = funded(), "key_0123456789abcdefghjk"
    bench.store.set_key_spend_limit(ACCOUNT, WalletKind.OFFICIAL, key_id, DOLLAR // 2)
    bench.settlement.runs.place(replace(RUN_HOLD, limited_key_id=key_id, nano=DOLLAR // 4), 0)
    assert bench.wallet().key_spend_left_nano == {key_id: DOLLAR // 4}
    dear = replace(RUN_HOLD, hold_id=new_run_hold_id(NOW_MS), limited_key_id=key_id, nano=DOLLAR // 3)
    with pytest.raises(HoldRefused) as refused:
        bench.settlement.runs.place(dear, 0)
    assert refused.value.refusal is HoldRefusal.KEY_SPEND_LIMIT
    end(bench)
    assert bench.wallet().key_spend_left_nano == {key_id: DOLLAR // 2}


def test_a_run_that_cannot_be_paid_sets_nothing_aside(bench: Bench) -> None:
    dear = replace(RUN_HOLD, hold_id=new_run_hold_id(NOW_MS), nano=DOLLAR)
    with pytest.raises(HoldRefused) as refused:
        bench.settlement.runs.place(dear, 0)
    assert refused.value.refusal is HoldRefusal.INSUFFICIENT
    assert bench.wallet().held_nano == DOLLAR // 2


def test_hold_steps_and_spending_are_always_the_same_sum(bench: Bench) -> None:
    first, second = step(bench), step(bench)
    spent = charge_of(bench.settlement.settle(first, outcome(USAGE)))
    assert spent > 0
    assert bench.wallet().held_nano + spent == DOLLAR // 2
    assert bench.wallet().holds[HOLD].nano + second.hold_nano + spent == DOLLAR // 2
    assert bench.wallet().available_nano == DOLLAR // 2


def test_a_step_never_takes_more_than_its_run_has_left(bench: Bench) -> None:
    step(bench, DOLLAR // 2)
    with pytest.raises(HoldRefused) as refused:
        step(bench, 1)
    assert refused.value.refusal is HoldRefusal.RUN_SPENT


def test_the_rest_is_released_once_and_the_entry_moves_nothing(bench: Bench) -> None:
    spent = charge_of(bench.settlement.settle(step(bench), outcome(USAGE)))
    ended = end(bench)
    assert ended.type is EntryType.RUN and ended.postings == () and ended.reference == HOLD
    assert end(bench) == ended
    wallet = bench.wallet()
    assert (wallet.available_nano, wallet.held_nano, wallet.holds) == (DOLLAR - spent, 0, {})


def test_no_step_is_held_after_the_end(bench: Bench) -> None:
    end(bench)
    with pytest.raises(HoldRefused) as refused:
        step(bench)
    assert refused.value.refusal is HoldRefusal.RUN_ENDED


def test_a_step_under_way_at_the_end_keeps_its_part_and_is_charged(bench: Bench) -> None:
    held = step(bench)
    end(bench)
    assert bench.wallet().held_nano == held.hold_nano
    spent = charge_of(bench.settlement.settle(held, outcome(USAGE)))
    assert (bench.wallet().available_nano, bench.wallet().holds) == (DOLLAR - spent, {})


def test_a_step_without_hold_or_entry_is_still_an_alarm(bench: Bench) -> None:
    with pytest.raises(HoldLost):
        bench.settlement.settle(Held(intent(100, part_of=HOLD), 100), outcome(USAGE))


def test_a_step_that_moves_meanwhile_is_looked_at_again(bench: Bench) -> None:
    bench.store.meanwhile.append(lambda: step(bench))
    ended = end(bench)
    [left] = bench.wallet().holds.values()
    assert left.part_of == HOLD and bench.wallet().available_nano + left.nano == DOLLAR
    assert bench.store.read_entry(ACCOUNT, WalletKind.OFFICIAL, ended.entry_id) == ended


def test_a_hold_that_a_delayed_message_places_again_is_released(bench: Bench) -> None:
    end(bench)
    bench.settlement.runs.place(RUN_HOLD, 0)
    assert bench.wallet().held_nano == DOLLAR // 2
    end(bench)
    assert (bench.wallet().available_nano, bench.wallet().holds) == (DOLLAR, {})


def test_a_hold_that_changes_while_it_is_released_is_looked_at_again(bench: Bench) -> None:
    end(bench)
    bench.settlement.runs.place(RUN_HOLD, 0)
    bench.store.meanwhile.append(lambda: step(bench))
    end(bench)
    [left] = bench.wallet().holds.values()
    assert left.part_of == HOLD and bench.wallet().available_nano + left.nano == DOLLAR


def test_a_run_that_never_got_its_hold_is_ended_all_the_same() -> None:
    bench = funded()
    assert end(bench).postings == ()
    assert bench.wallet().available_nano == DOLLAR


def test_the_end_of_a_run_whose_reply_was_lost_is_the_same_end(bench: Bench) -> None:
    bench.store.after.append(StoreSilent("lost"))
    ended = end(bench)
    assert bench.store.read_entry(ACCOUNT, WalletKind.OFFICIAL, ended.entry_id) == ended
    assert bench.wallet().holds == {}


def test_the_sweeper_returns_the_part_of_a_lost_step_to_its_run(bench: Bench) -> None:
    held = step(bench)
    bench.settlement.close_abandoned(IntentRecord(held.intent))
    assert bench.wallet().holds[HOLD].nano == DOLLAR // 2


@pytest.mark.parametrize("run_is_open", [True, False])
def test_a_part_that_came_back_after_its_step_is_released(bench: Bench, run_is_open: bool) -> None:
    held = step(bench)
    ended = bench.settlement.void(held, SettlementReason.UPSTREAM_FAILED, ())
    again = HoldRequest(ACCOUNT, WalletKind.OFFICIAL, "USD", held.intent.request_id, 7, 0, NOW_MS, part_of=HOLD)
    assert bench.store.place_hold(again).placed
    if not run_is_open:
        end(bench)
    hold = bench.wallet().holds[held.intent.request_id]
    assert bench.settlement.release(ended, hold)
    assert not bench.settlement.release(ended, hold)
    assert bench.wallet().held_nano == (DOLLAR // 2 if run_is_open else 0)


class Cursor:
    """A sweeper that has passed everything up to now."""

    def read_cursor(self, name: str) -> str | None:
        assert name == CURSOR
        return "2100-01-01T00:00"

    def write_cursor(self, name: str, value: str) -> None:
        raise AssertionError("the reconciliation moves no cursor")


@pytest.mark.parametrize(
    ("age_ms", "stays"), [(0, True), (RUN_HOLD_AGE_MAX_MS, True), (RUN_HOLD_AGE_MAX_MS + 1, False)]
)
def test_the_reconciliation_leaves_a_runs_hold_alone_until_no_run_can_still_need_it(age_ms: int, stays: bool) -> None:
    bench = funded()
    old = replace(RUN_HOLD, hold_id=new_run_hold_id(NOW_MS - age_ms))
    bench.settlement.runs.place(old, 0)
    done = reconcile(bench)
    assert done.findings == []
    assert (old.hold_id in bench.wallet().holds) is stays
    entry_id = entry_id_of(old.hold_id, EntryType.RUN)
    assert (bench.store.read_entry(ACCOUNT, WalletKind.OFFICIAL, entry_id) is None) is stays


def test_the_reconciliation_releases_the_hold_of_an_ended_run_at_once(bench: Bench) -> None:
    end(bench)
    bench.settlement.runs.place(RUN_HOLD, 0)
    reconcile(bench)
    assert bench.wallet().holds == {}


def test_a_part_names_a_whole_that_is_another_hold() -> None:
    made: Intent = intent(5)
    with pytest.raises(AssertionError, match="another hold"):
        HoldRequest(ACCOUNT, WalletKind.OFFICIAL, "USD", made.request_id, 5, 0, NOW_MS, part_of=made.request_id)


def test_the_entry_of_a_run_moves_nothing() -> None:
    top_up = next(iter(funded().store.journal.values()))
    with pytest.raises(AssertionError, match="paid by its steps"):
        replace(top_up, entry_id=entry_id_of(HOLD, EntryType.RUN))
