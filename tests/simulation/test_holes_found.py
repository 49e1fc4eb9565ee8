"""What the simulation has found, each hole by hand: shorter than its seed, and the same for ever."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.conformance.builders import ACCOUNT, intent, outcome
from tests.faults.faulty_store import Call, CallFault, FaultyCalls, FaultyLedgerStore
from tests.properties.product import HandClock, OneCursor
from tests.unit.builders import NOW_MS
from tokens_forge.checkout.books import OrderBooks
from tokens_forge.ids import minute_of
from tokens_forge.intents import Held, Intent
from tokens_forge.journal import EntryType, SettlementReason, entry_id_of
from tokens_forge.money import Money
from tokens_forge.reconciliation import Reconciled, Reconciliation
from tokens_forge.settlement import Balances, Books, Closing, HoldRefused, Refunds, RetryRule, Settlement
from tokens_forge.store.simulated import SimulatedLedgerStore
from tokens_forge.store.simulated_orders import SimulatedOrderStore
from tokens_forge.sweeper import CURSOR, Sweeper
from tokens_forge.wallets import HoldRefusal, Wallet, WalletKind, WalletStatus

MINUTE_MS = 60_000
SWEEP_AFTER_S = 300
KIND = WalletKind.OFFICIAL


class Bench:
    """One account with 1000 nano, and a hand on every call."""

    def __init__(self) -> None:
        self.before_call: Callable[[Call], CallFault | None] = lambda call: None
        self.calls = FaultyCalls(lambda call: self.before_call(call))
        self.inner = SimulatedLedgerStore()
        self.store = FaultyLedgerStore(self.inner, self.calls)
        self.clock = HandClock(NOW_MS)
        self.cursors = OneCursor({CURSOR: minute_of(NOW_MS)})
        books = Books(self.store, self.clock, RetryRule(tries_max=2, first_wait_ms=0))
        self.settlement, self.balances = Settlement(books), Balances(books)
        self.clock.sleep_ms = lambda duration_ms: None  # type: ignore[method-assign]
        for kind, currency in ((WalletKind.OFFICIAL, "USD"), (WalletKind.ROUTED, "CNY")):
            self.inner.open_wallet(Wallet(ACCOUNT, kind, currency, opened_at_ms=NOW_MS))
        self.top_up(1000)

    def top_up(self, nano: int) -> None:
        made = intent()  # only for its new id
        order_id = made.request_id.replace("req_", "ord_")
        self.balances.top_up(ACCOUNT, KIND, Money(nano, "USD"), order_id=order_id, source="test")

    def wallet(self) -> Wallet:
        return self.inner.wallets[(ACCOUNT, KIND)]

    def reason_of(self, request: Intent) -> SettlementReason | None:
        entry = self.inner.read_entry(ACCOUNT, KIND, entry_id_of(request.request_id, EntryType.REQUEST))
        return entry.request.reason if entry is not None and entry.request is not None else None

    def sweep_minutes_later(self, minutes: int) -> None:
        self.clock.time_ms += minutes * MINUTE_MS
        Sweeper(self.settlement, self.store, self.cursors, self.clock, sweep_after_s=SWEEP_AFTER_S).run(lambda: True)

    def reconcile(self, clock: HandClock | None = None) -> Reconciled:
        books = OrderBooks(SimulatedOrderStore(), self.store, Refunds(Books(self.store, self.clock)))
        return Reconciliation(
            self.store, self.settlement, lambda: [ACCOUNT], self.cursors, books, clock or self.clock, window_s=3600
        ).run()

    def problems(self, clock: HandClock | None = None) -> list[str]:
        return [finding.problem for finding in self.reconcile(clock).findings]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_an_intent_that_came_after_the_sweeper_is_told_and_ended_and_freezes_nobody(bench: Bench) -> None:
    late = intent()
    bench.sweep_minutes_later(20)
    bench.inner.put_intent(late)
    assert bench.problems() == ["intent_without_entry"]
    assert bench.wallet().status is WalletStatus.ACTIVE
    assert bench.reason_of(late) is SettlementReason.NOT_HELD
    assert bench.problems() == []


def test_a_request_of_a_gateway_whose_clock_is_slow_freezes_nobody_and_is_charged_once(bench: Bench) -> None:
    """Its minute has been swept before it begins."""
    bench.sweep_minutes_later(20)
    held = bench.settlement.hold(intent(), 0)
    assert bench.problems() == ["intent_without_entry"]
    assert bench.wallet().status is WalletStatus.ACTIVE and not bench.wallet().holds
    entry = bench.inner.read_entry(ACCOUNT, KIND, entry_id_of(held.intent.request_id, EntryType.REQUEST))
    assert entry is not None and entry.request is not None and entry.request.reason is SettlementReason.ABANDONED
    late = bench.settlement.settle_late(held, outcome(), entry)
    assert bench.wallet().balance_nano == 1000 + late.wallet_nano < 1000
    assert bench.problems() == []


def test_an_intent_that_ends_while_it_is_looked_at_is_no_finding(bench: Bench) -> None:
    bench.sweep_minutes_later(20)
    held = bench.settlement.hold(intent(), 0)

    def settles_first(call: Call) -> None:
        if call.operation == "minute_intents":
            bench.before_call = lambda call: None
            bench.settlement.settle(held, outcome())

    bench.before_call = settles_first
    assert bench.problems() == []
    assert bench.wallet().status is WalletStatus.ACTIVE


def test_what_is_missing_is_not_written_over(bench: Bench) -> None:
    """Somebody took a charged entry out of the journal: the totals say so, and no stone may take its place."""
    held = bench.settlement.hold(intent(), 0)
    entry = bench.settlement.settle(held, outcome())
    bench.sweep_minutes_later(20)
    [key] = [key for key in bench.inner.journal if key[1] == entry.entry_id]
    del bench.inner.journal[key]
    assert sorted(bench.problems()) == ["debits_differ", "intent_without_entry"]
    assert bench.wallet().status is WalletStatus.FROZEN
    assert bench.reason_of(held.intent) is None


def test_a_hold_that_arrives_in_the_middle_of_the_reconciliation_is_released(bench: Bench) -> None:
    held = bench.settlement.hold(intent(), 0)
    bench.settlement.settle(held, outcome())
    bench.sweep_minutes_later(20)

    def arrives(call: Call) -> None:
        if call.operation == "minute_intents":
            bench.before_call = lambda call: None
            bench.settlement.hold_less(held.intent, 0, held.hold_nano)

    bench.before_call = arrives
    assert bench.problems() == []
    assert bench.wallet().status is WalletStatus.ACTIVE and not bench.wallet().holds


def test_a_hold_that_only_an_old_page_of_a_scan_shows_is_no_finding(bench: Bench) -> None:
    held = bench.settlement.hold(intent(), 0)
    bench.settlement.settle(held, outcome())
    bench.sweep_minutes_later(20)
    bench.before_call = lambda call: CallFault.STALE if call.operation == "every_wallet" else None
    assert bench.problems() == []
    assert bench.wallet().status is WalletStatus.ACTIVE


def test_a_reconciliation_whose_clock_is_slow_still_ends_what_the_sweeper_has_passed(bench: Bench) -> None:
    held = bench.settlement.hold(intent(), 0)
    bench.settlement.settle(held, outcome())
    bench.sweep_minutes_later(8)
    bench.settlement.hold_less(held.intent, 0, held.hold_nano)  # a duplicate arrives
    slow = HandClock(bench.clock.time_ms - 4 * MINUTE_MS)
    assert bench.problems(slow) == []
    assert bench.wallet().status is WalletStatus.ACTIVE and not bench.wallet().holds


def test_a_larger_hold_that_was_refused_and_arrives_after_all_is_the_one_that_stands(bench: Bench) -> None:
    """Its first try was delayed, its second refused; money came; then the smaller hold found it in place."""
    made = replace(intent(), hold_nano=1500)
    faults = [CallFault.LATE]
    bench.before_call = lambda call: faults.pop() if call.operation == "place_hold" and faults else None
    with pytest.raises(HoldRefused) as refused:
        bench.settlement.hold(made, 0)
    assert refused.value.refusal is HoldRefusal.INSUFFICIENT
    bench.top_up(1000)
    bench.calls.deliver()
    held = bench.settlement.hold_less(made, 0, 900)
    assert held == Held(made, 1500), "the answer is what really is held"
    entry = bench.settlement.settle(held, outcome())
    assert bench.wallet().balance_nano == 2000 + entry.wallet_nano
    assert not bench.wallet().holds


def test_a_stone_stands_in_the_way_of_a_hold_and_a_settle_that_were_delayed(bench: Bench) -> None:
    made = intent()
    bench.inner.put_intent(made)
    record = bench.inner.read_intent(made.request_id)
    assert record is not None
    assert bench.settlement.close_abandoned(record) is Closing.NOT_HELD
    held = bench.settlement.hold_less(made, 0, made.hold_nano)
    bench.sweep_minutes_later(20)
    assert not bench.wallet().holds, "the sweeper releases it when it passes"
    assert bench.reason_of(held.intent) is SettlementReason.NOT_HELD
