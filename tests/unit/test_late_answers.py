"""An answer that comes after its request was voided: charged at most once, in an entry of its own, if the wallet can pay."""

from __future__ import annotations

import pytest

from tests.unit.settlement_bench import ACCOUNT, DOLLAR, Bench, fund, intent, outcome
from tokens_forge.intents import Held
from tokens_forge.journal import Entry, EntryType, SettlementReason, entry_id_of
from tokens_forge.money import Money
from tokens_forge.pricing import Usage, price_usage
from tokens_forge.settlement import AlreadySettled
from tokens_forge.wallets import WalletKind

OFFICIAL = WalletKind.OFFICIAL
USED = Usage(input=1000, output=500)


@pytest.fixture
def held(bench: Bench) -> Held:
    return bench.settlement.hold(intent(), auth_epoch=0)


@pytest.fixture
def void(bench: Bench, held: Held) -> Entry:
    return bench.settlement.void(held, SettlementReason.GATEWAY_FAILED, ())


def test_a_late_answer_is_charged_once_beside_the_void(bench: Bench, held: Held, void: Entry) -> None:
    cost = price_usage(USED, held.intent.price)
    late = bench.settlement.settle_late(held, outcome(USED), void)
    assert late.entry_id == entry_id_of(held.intent.request_id, EntryType.LATE)
    assert late.request is not None
    assert (late.request.charge_nano, late.request.uncharged_nano, late.request.hold_nano) == (cost, 0, held.hold_nano)
    assert bench.wallet().available_nano == DOLLAR - cost and bench.wallet().debits_total_nano == cost
    assert bench.settlement.settle_late(held, outcome(USED), void) == late
    assert bench.wallet().available_nano == DOLLAR - cost
    assert bench.store.read_entry(ACCOUNT, OFFICIAL, void.entry_id) == void


def test_another_late_answer_changes_nothing(bench: Bench, held: Held, void: Entry) -> None:
    late = bench.settlement.settle_late(held, outcome(USED), void)
    before = bench.wallet()
    with pytest.raises(AlreadySettled) as already:
        bench.settlement.settle_late(held, outcome(Usage(output=1)), void)
    assert already.value.entry == late and bench.wallet() == before


@pytest.mark.parametrize("short_by", [0, 1])
def test_a_wallet_that_cannot_pay_all_of_it_pays_nothing(bench: Bench, held: Held, void: Entry, short_by: int) -> None:
    cost = price_usage(USED, held.intent.price)
    adjustment = Money(cost - short_by - DOLLAR, "USD")
    bench.balances.adjust(ACCOUNT, OFFICIAL, adjustment, adjustment_id="adj_" + "0" * 26, reason="spent")
    assert bench.wallet().available_nano == cost - short_by
    late = bench.settlement.settle_late(held, outcome(USED), void)
    assert late.type is EntryType.LATE and late.request is not None
    if short_by:
        assert (late.request.charge_nano, late.request.uncharged_nano, late.request.hold_nano) == (0, cost, 0)
        assert late.postings == () and bench.wallet().available_nano == cost - short_by
    else:
        assert late.request.charge_nano == cost and bench.wallet().available_nano == 0
    assert bench.store.read_entry(ACCOUNT, OFFICIAL, late.entry_id) == late
    assert bench.wallet().debt_nano == 0


def test_what_was_lost_once_stays_lost(bench: Bench, held: Held, void: Entry) -> None:
    adjustment = Money(-DOLLAR, "USD")
    bench.balances.adjust(ACCOUNT, OFFICIAL, adjustment, adjustment_id="adj_" + "0" * 26, reason="spent")
    lost = bench.settlement.settle_late(held, outcome(USED), void)
    fund(bench, OFFICIAL, Money(DOLLAR, "USD"))
    with pytest.raises(AlreadySettled) as already:
        bench.settlement.settle_late(held, outcome(USED), void)
    assert already.value.entry == lost and bench.wallet().available_nano == DOLLAR


def test_a_late_answer_is_never_charged_above_its_hold(bench: Bench) -> None:
    held = bench.settlement.hold(intent(1000), auth_epoch=0)
    void = bench.settlement.void(held, SettlementReason.GATEWAY_FAILED, ())
    late = bench.settlement.settle_late(held, outcome(Usage(output=10**6)), void)
    assert late.request is not None and late.request.charge_nano == 1000
    assert bench.wallet().available_nano == DOLLAR - 1000


def test_a_late_answer_that_costs_nothing_is_written_down(bench: Bench, held: Held, void: Entry) -> None:
    before = bench.wallet()
    late = bench.settlement.settle_late(held, outcome(Usage(), SettlementReason.NO_OUTPUT), void)
    assert late.type is EntryType.LATE and late.postings == () and bench.wallet() == before


def test_only_a_void_leaves_something_to_charge(bench: Bench, held: Held) -> None:
    charged = bench.settlement.settle(held, outcome(USED))
    other = bench.settlement.hold(intent(), auth_epoch=0)
    void = bench.settlement.void(other, SettlementReason.GATEWAY_FAILED, ())
    late = bench.settlement.settle_late(other, outcome(Usage(), SettlementReason.NO_OUTPUT), void)
    before = bench.wallet()
    for ended in (charged, late):
        with pytest.raises(AssertionError, match=r"^only a void leaves something to charge$"):
            bench.settlement.settle_late(held, outcome(USED), ended)
    assert bench.wallet() == before
