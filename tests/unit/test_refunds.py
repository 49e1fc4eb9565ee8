"""Refunds in settlement: set aside, then taken or given back, once; and what a provider took back by itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.unit.settlement_bench import ACCOUNT, DOLLAR, Bench, funded
from tokens_forge.ids import time_ms_of
from tokens_forge.journal import Entry, EntryType, Posting, entry_id_of
from tokens_forge.money import Money
from tokens_forge.settlement import AlreadySettled, Books, HoldLost, HoldRefused, Refunds, RetryRule
from tokens_forge.store.port import StoreConflict, StoreSilent
from tokens_forge.wallets import HoldRefusal, WalletKind

OFFICIAL = WalletKind.OFFICIAL
REFUND_ID, ORDER_ID = f"rfd_{'0' * 25}3", f"ord_{'0' * 25}1"
PART = DOLLAR // 4


@pytest.fixture
def bench() -> Bench:
    return funded()


@pytest.fixture
def refunds(bench: Bench) -> Refunds:
    return Refunds(Books(bench.store, bench.clock, RetryRule(random_unit=lambda: 0.5)))


def hold(refunds: Refunds, nano: int = PART, currency: str = "USD", account: str = ACCOUNT) -> None:
    refunds.hold(account, OFFICIAL, Money(nano, currency), refund_id=REFUND_ID)


def capture(refunds: Refunds, nano: int = PART) -> Entry:
    return refunds.capture(
        ACCOUNT, OFFICIAL, Money(nano, "USD"), refund_id=REFUND_ID, order_id=ORDER_ID, source="stripe"
    )


def void(refunds: Refunds) -> Entry:
    return refunds.void(ACCOUNT, OFFICIAL, "USD", refund_id=REFUND_ID, order_id=ORDER_ID)


def test_what_is_set_aside_cannot_be_spent_and_is_taken_once(bench: Bench, refunds: Refunds) -> None:
    hold(refunds)
    hold(refunds)
    wallet = bench.wallet()
    assert (wallet.available_nano, wallet.held_nano) == (DOLLAR - PART, PART)
    entry = capture(refunds)
    assert capture(refunds) == entry
    assert entry.postings == (Posting("wallet", -PART), Posting("clearing:stripe", PART))
    assert (entry.entry_id, entry.reference) == (entry_id_of(REFUND_ID, EntryType.REFUND), ORDER_ID)
    wallet = bench.wallet()
    assert (wallet.available_nano, wallet.held_nano, wallet.debits_total_nano) == (DOLLAR - PART, 0, PART)
    assert bench.wallet(WalletKind.ROUTED).available_nano == DOLLAR
    with pytest.raises(AlreadySettled):
        void(refunds)


def test_the_entries_of_a_refund_say_all_that_a_statement_shows(bench: Bench, refunds: Refunds) -> None:
    hold(refunds)
    assert bench.wallet().holds[REFUND_ID].placed_at_ms == time_ms_of(REFUND_ID)
    taken = Entry(
        entry_id=entry_id_of(REFUND_ID, EntryType.REFUND),
        account_id=ACCOUNT,
        kind=OFFICIAL,
        currency="USD",
        written_at_ms=bench.clock.now_ms(),
        postings=(Posting("wallet", -PART), Posting("clearing:stripe", PART)),
        reference=ORDER_ID,
    )
    assert capture(refunds) == taken
    other_id = f"rfd_{'0' * 25}4"
    voided = refunds.void(ACCOUNT, OFFICIAL, "USD", refund_id=other_id, order_id=ORDER_ID)
    entry_id = entry_id_of(other_id, EntryType.REFUND)
    assert voided == replace(taken, entry_id=entry_id, postings=(), written_at_ms=bench.clock.now_ms())
    taken_back = take_back(bench, PART)
    entry_id = entry_id_of(f"dsp_{'0' * 25}3", EntryType.DISPUTE)
    assert replace(taken_back, entry_id=entry_id) == replace(
        taken, entry_id=entry_id, written_at_ms=bench.clock.now_ms()
    )


def test_a_voided_refund_gives_back_and_can_never_be_taken(bench: Bench, refunds: Refunds) -> None:
    hold(refunds)
    entry = void(refunds)
    assert void(refunds) == entry and entry.postings == ()
    assert bench.wallet().available_nano == DOLLAR and not bench.wallet().holds
    with pytest.raises(AlreadySettled):
        capture(refunds)
    assert bench.wallet().available_nano == DOLLAR


def test_a_refund_that_was_never_set_aside_is_voided_all_the_same_and_never_taken(
    bench: Bench, refunds: Refunds
) -> None:
    with pytest.raises(HoldLost):
        capture(refunds)
    assert void(refunds).postings == () and bench.wallet().available_nano == DOLLAR


def test_a_hold_that_comes_after_the_end_is_given_back(bench: Bench, refunds: Refunds) -> None:
    assert refunds.release_leftover(ACCOUNT, OFFICIAL, REFUND_ID), "there is none"
    hold(refunds)
    assert not refunds.release_leftover(ACCOUNT, OFFICIAL, REFUND_ID), "its refund has not ended"
    capture(refunds)
    hold(refunds)
    assert bench.wallet().held_nano == PART
    assert refunds.release_leftover(ACCOUNT, OFFICIAL, REFUND_ID)
    assert bench.wallet().held_nano == 0 and bench.wallet().available_nano == DOLLAR - PART


def test_a_leftover_whose_release_is_not_answered_is_gone_all_the_same(bench: Bench, refunds: Refunds) -> None:
    hold(refunds)
    capture(refunds)
    hold(refunds)
    release_hold, silent = bench.store.release_hold, [StoreSilent()]

    def answer_is_lost(*arguments: Any) -> bool:
        released = release_hold(*arguments)
        if silent:
            raise silent.pop()
        return released

    bench.store.release_hold = answer_is_lost  # type: ignore[method-assign]
    assert refunds.release_leftover(ACCOUNT, OFFICIAL, REFUND_ID)
    assert not bench.wallet().holds


def test_a_wallet_that_cannot_set_it_aside_says_why(bench: Bench, refunds: Refunds) -> None:
    cases: list[tuple[HoldRefusal, dict[str, Any]]] = [
        (HoldRefusal.INSUFFICIENT, {"nano": DOLLAR + 1}),
        (HoldRefusal.CURRENCY, {"currency": "CNY"}),
        (HoldRefusal.NO_WALLET, {"account": "acc_nobody000000"}),
    ]
    for refusal, how in cases:
        with pytest.raises(HoldRefused) as refused:
            hold(refunds, **how)
        assert refused.value.refusal is refusal
    bench.store.freeze_wallet(ACCOUNT, OFFICIAL)
    with pytest.raises(HoldRefused) as refused:
        hold(refunds)
    assert refused.value.refusal is HoldRefusal.FROZEN
    assert refunds.void("acc_nobody000000", OFFICIAL, "USD", refund_id=REFUND_ID, order_id=ORDER_ID).postings == ()


def test_a_key_that_is_revoked_meanwhile_does_not_stop_a_refund(bench: Bench, refunds: Refunds) -> None:
    place_hold = bench.store.place_hold
    revoked: list[bool] = []

    def revoke_first(request: Any) -> Any:
        if not revoked:
            revoked.append(True)
            bench.store.raise_auth_epoch(ACCOUNT, OFFICIAL)
        return place_hold(request)

    bench.store.place_hold = revoke_first  # type: ignore[method-assign]
    hold(refunds)
    assert bench.wallet().held_nano == PART


@pytest.mark.parametrize("where", ["before", "after"])
@pytest.mark.parametrize("fault", [StoreConflict(), StoreSilent()])
def test_faults_of_the_store_change_nothing(bench: Bench, refunds: Refunds, where: str, fault: Exception) -> None:
    for step in (hold, capture):
        getattr(bench.store, where).append(fault)
        step(refunds)
    assert bench.wallet().available_nano == DOLLAR - PART and bench.wallet().debits_total_nano == PART


def take_back(bench: Bench, nano: int, entry_type: EntryType = EntryType.DISPUTE) -> Entry:
    entry_id = entry_id_of(f"dsp_{'0' * 25}4", entry_type)
    return bench.balances.take_back(
        ACCOUNT, OFFICIAL, Money(nano, "USD"), entry_id=entry_id, order_id=ORDER_ID, source="stripe"
    )


@pytest.mark.parametrize("entry_type", [EntryType.DISPUTE, EntryType.REFUND])
def test_what_a_provider_took_is_taken_once_and_what_is_spent_is_owed(bench: Bench, entry_type: EntryType) -> None:
    entry = take_back(bench, DOLLAR + PART, entry_type)
    assert take_back(bench, DOLLAR + PART, entry_type) == entry and entry.type is entry_type
    wallet = bench.wallet()
    assert (wallet.available_nano, wallet.debt_nano) == (0, PART)
    back = bench.balances.reverse(entry)
    assert back.entry_id.endswith(f".reversal-of-{entry_type.value}") and bench.balances.reverse(entry) == back
    wallet = bench.wallet()
    assert (wallet.available_nano, wallet.debt_nano) == (DOLLAR, 0)


def test_nothing_is_no_amount_to_take_back(bench: Bench) -> None:
    with pytest.raises(AssertionError):
        take_back(bench, 0)
