"""Money that moves beside requests: top-ups, adjustments, reversals, and the debt between them."""

from __future__ import annotations

import pytest

from tests.unit.builders import NOW_MS
from tests.unit.settlement_bench import ACCOUNT, DOLLAR, Bench, intent, outcome
from tokens_forge.ids import new_id
from tokens_forge.journal import Entry, EntryType, Posting, SettlementReason, entry_id_of, reversal_id_of
from tokens_forge.money import Money
from tokens_forge.pricing import Usage
from tokens_forge.settlement import AlreadySettled, Books, DebtMoved, HoldRefused, NotAvailable
from tokens_forge.store.port import Credit
from tokens_forge.wallets import HoldRefusal, WalletKind

OFFICIAL = WalletKind.OFFICIAL
ORDER_ID, ADJUSTMENT_ID = f"ord_{'0' * 25}1", f"adj_{'0' * 25}2"


def top_up(bench: Bench, nano: int, order_id: str = ORDER_ID, currency: str = "USD", account: str = ACCOUNT) -> Entry:
    return bench.balances.top_up(account, OFFICIAL, Money(nano, currency), order_id=order_id, source="bank")


def adjust(bench: Bench, nano: int, adjustment_id: str = ADJUSTMENT_ID, reason: str = "goodwill") -> Entry:
    return bench.balances.adjust(ACCOUNT, OFFICIAL, Money(nano, "USD"), adjustment_id=adjustment_id, reason=reason)


def owing(bench: Bench, debt_nano: int) -> None:
    """Take everything, and then a top-up back that was spent."""
    spent = top_up(bench, debt_nano, new_id("ord", NOW_MS))
    adjust(bench, -(DOLLAR + debt_nano), new_id("adj", NOW_MS))
    bench.balances.reverse(spent)
    assert (bench.wallet().available_nano, bench.wallet().debt_nano) == (0, debt_nano)


def entry(entry_id: str, nano: int, other: str, reference: str) -> Entry:
    postings = (Posting("wallet", nano), Posting(other, -nano))
    return Entry(entry_id, ACCOUNT, OFFICIAL, "USD", NOW_MS, postings, reference=reference)


@pytest.mark.parametrize("nano", [1, 5 * DOLLAR])
def test_a_top_up_is_one_entry_in_one_call_and_names_its_order(bench: Bench, nano: int) -> None:
    before = bench.store.posts
    made = top_up(bench, nano)
    assert made == entry(entry_id_of(ORDER_ID, EntryType.TOP_UP), nano, "clearing:bank", ORDER_ID)
    assert bench.store.read_entry(ACCOUNT, OFFICIAL, made.entry_id) == made
    assert bench.store.posts == before + 1
    assert bench.wallet().available_nano == bench.wallet().credits_total_nano == DOLLAR + nano


@pytest.mark.parametrize("nano", [0, -1])
def test_a_top_up_adds_something(bench: Bench, nano: int) -> None:
    before = bench.store.posts
    with pytest.raises(AssertionError):
        top_up(bench, nano)
    assert bench.store.posts == before


@pytest.mark.parametrize("nano", [1, -1, -DOLLAR])
def test_an_adjustment_is_one_entry_in_one_call_and_says_why(bench: Bench, nano: int) -> None:
    before = bench.store.posts
    made = adjust(bench, nano)
    assert made == entry(entry_id_of(ADJUSTMENT_ID, EntryType.ADJUSTMENT), nano, "operator", "goodwill")
    assert bench.store.read_entry(ACCOUNT, OFFICIAL, made.entry_id) == made
    assert bench.store.posts == before + 1
    assert bench.wallet().available_nano == DOLLAR + nano


def test_an_adjustment_moves_something_and_has_a_reason(bench: Bench) -> None:
    before = bench.store.posts
    for nano, reason in ((0, "goodwill"), (1, ""), (-1, "")):
        with pytest.raises(AssertionError):
            adjust(bench, nano, reason=reason)
    assert bench.store.posts == before


def test_an_adjustment_takes_no_more_than_is_available(bench: Bench) -> None:
    bench.settlement.hold(intent(400), auth_epoch=0)
    before = bench.wallet()
    with pytest.raises(NotAvailable, match=f"^{DOLLAR - 400} nano are available$") as short:
        adjust(bench, -DOLLAR)
    assert short.value.wallet == before == bench.wallet()


@pytest.mark.parametrize("nano", [1, -1])
def test_an_adjustment_counts_once(bench: Bench, nano: int) -> None:
    made = adjust(bench, nano)
    assert adjust(bench, nano) == made
    with pytest.raises(AlreadySettled, match=f"^{made.entry_id}$") as already:
        adjust(bench, 2 * nano)
    assert already.value.entry == made
    assert bench.wallet().available_nano == DOLLAR + nano


def test_a_refusal_names_its_reason_and_shows_the_wallet(bench: Bench) -> None:
    with pytest.raises(HoldRefused, match=r"^currency$") as currency:
        top_up(bench, 5, currency="CNY")
    assert (currency.value.refusal, currency.value.wallet) == (HoldRefusal.CURRENCY, bench.wallet())
    with pytest.raises(HoldRefused, match=r"^no_wallet$") as no_wallet:
        top_up(bench, 5, account="acc_zzzzzzzzzzzz")
    assert (no_wallet.value.refusal, no_wallet.value.wallet) == (HoldRefusal.NO_WALLET, None)


@pytest.mark.parametrize(("debt", "nano"), [(50, 1), (50, 49), (50, 50), (50, 51), (50, 500), (1, 1), (1, 2)])
@pytest.mark.parametrize("by", ["top_up", "adjust"])
def test_a_debt_is_paid_first(bench: Bench, debt: int, nano: int, by: str) -> None:
    owing(bench, debt)
    before = bench.store.posts
    (top_up if by == "top_up" else adjust)(bench, nano)
    assert bench.wallet().debt_nano == max(debt - nano, 0)
    assert bench.wallet().available_nano == max(nano - debt, 0)
    assert bench.store.posts == before + 2, "one to hear of the debt, one to pay it"


@pytest.mark.parametrize("nano", [5 * DOLLAR, 1, -1, -5])
def test_a_reversal_is_the_exact_opposite_and_names_its_original(bench: Bench, nano: int) -> None:
    made = adjust(bench, nano)
    before = bench.store.posts
    reversal = bench.balances.reverse(made)
    assert reversal == entry(reversal_id_of(made), -nano, "operator", made.entry_id)
    assert bench.store.posts == before + 1
    assert bench.wallet().available_nano == DOLLAR
    assert bench.balances.reverse(made) == reversal
    assert bench.wallet().available_nano == DOLLAR


def test_a_charge_can_be_reversed(bench: Bench) -> None:
    held = bench.settlement.hold(intent(), auth_epoch=0)
    charged = bench.settlement.settle(held, outcome(Usage(output=500)))
    assert bench.wallet().available_nano < DOLLAR
    reversal = bench.balances.reverse(charged)
    assert [posting.book_account for posting in reversal.postings] == ["wallet", "revenue"]
    assert bench.wallet().available_nano == DOLLAR


@pytest.mark.parametrize("left", [0, 1, 99, 100, 101])
def test_what_a_reversed_credit_has_bought_already_becomes_a_debt(bench: Bench, left: int) -> None:
    credited = top_up(bench, 100)
    adjust(bench, left - 100 - DOLLAR)
    before = bench.store.posts
    bench.balances.reverse(credited)
    assert bench.wallet().debt_nano == max(100 - left, 0)
    assert bench.wallet().available_nano == max(left - 100, 0)
    assert bench.store.posts == before + (1 if left >= 100 else 2)


def test_a_reversal_is_final_and_nothing_has_no_opposite(bench: Bench) -> None:
    reversal = bench.balances.reverse(top_up(bench, 100))
    held = bench.settlement.hold(intent(), auth_epoch=0)
    void = bench.settlement.void(held, SettlementReason.GATEWAY_FAILED, ())
    for made in (reversal, void):
        with pytest.raises(AssertionError, match=r"^a reversal is final, and nothing has no opposite$"):
            bench.balances.reverse(made)


def test_a_debt_that_moves_while_it_is_paid_is_looked_at_again(bench: Bench) -> None:
    owing(bench, 50)
    bench.store.meanwhile = [lambda: None, lambda: top_up(bench, 20, new_id("ord", NOW_MS))]
    top_up(bench, 40)
    assert (bench.wallet().debt_nano, bench.wallet().available_nano) == (0, 10)


@pytest.mark.parametrize(("comes", "left"), [(10, 0), (50, 0), (51, 1)])
def test_money_that_comes_while_a_reversal_is_under_way_lowers_its_debt(bench: Bench, comes: int, left: int) -> None:
    credited = top_up(bench, 100)
    adjust(bench, -DOLLAR - 50)
    bench.store.meanwhile = [lambda: None, lambda: top_up(bench, comes, new_id("ord", NOW_MS))]
    bench.balances.reverse(credited)
    assert (bench.wallet().debt_nano, bench.wallet().available_nano) == (50 - comes + left, left)


def test_the_books_say_how_much_is_owed(bench: Bench) -> None:
    owing(bench, 50)
    made = entry(entry_id_of(ORDER_ID, EntryType.TOP_UP), 60, "clearing:bank", ORDER_ID)
    with pytest.raises(DebtMoved, match=r"^50 nano are owed$") as moved:
        Books(bench.store, bench.clock).post(made, Credit(60))
    assert moved.value.wallet == bench.wallet()
