"""Refunds and disputes: taken back once, never twice, given back when they come to nothing; `debt` when it was spent."""

from __future__ import annotations

import pytest

from tests.checkout.shop import Shop
from tokens_forge.checkout.orders import Order, OrderState, Taking, TakingState
from tokens_forge.clock import SystemClock
from tokens_forge.errors import Conflict, IdempotencyKeyReused, RequestError
from tokens_forge.ids import new_id
from tokens_forge.journal import EntryType, entry_id_of
from tokens_forge.money import Money

UNIT = 10**9
USD = "USD"


def refund(shop: Shop, order: Order, amount: str, refund_id: str | None = None) -> Taking:
    money = Money.parse(amount, order.amount.currency)
    return shop.work.refunding.refund(
        order.order_id, money, reason="asked for it", actor="admin-anna", refund_id=refund_id
    )[1]


def spend(shop: Shop, amount: str) -> None:
    shop.deployment.balances.adjust(
        shop.deployment.account.account_id,
        shop.wallet().kind,
        Money.parse(f"-{amount}", USD),
        adjustment_id=new_id("adj", SystemClock().now_ms()),
        reason="spent",
    )


def left(shop: Shop) -> int:
    """What is there of the order's 20 dollars, in units; less than nothing is owed."""
    wallet = shop.wallet()
    assert wallet.held_nano == 0
    return (wallet.balance_nano - 10 * UNIT) // UNIT


def test_a_refund_takes_the_balance_gives_the_money_back_and_is_in_the_trail(shop: Shop) -> None:
    order = shop.paid()
    taking = refund(shop, order, "20.00")
    assert taking.state is TakingState.TAKEN and left(shop) == 0
    shop.deliver()
    after = shop.read(order.order_id)
    assert after.state is OrderState.REFUNDED and len(after.takings) == 1, (
        "the provider's events are of the same refund"
    )
    [made] = shop.bank.every("refund", lambda _: True)
    assert made["amount"] == 2000 and made["metadata"]["forge_refund"] == taking.taking_id
    entry = shop.entry(taking.entry_id)
    assert entry is not None and entry.type is EntryType.REFUND and entry.wallet_nano == -20 * UNIT
    assert {"refund_requested", "refund_accepted", "refund_taken"} <= set(shop.whats(order))
    shown = shop.send("GET", f"orders/{order.order_id}", key=shop.deployment.key()).text
    assert "admin-anna" not in shown and "asked for it" not in shown, "who of us decided stays with us"
    assert shop.problems() == []


def test_partial_refunds_add_up_and_no_more_is_refunded_than_was_paid(shop: Shop) -> None:
    order = shop.paid()
    refund(shop, order, "5.00")
    assert shop.read(order.order_id).state is OrderState.PARTLY_REFUNDED
    with pytest.raises(RequestError, match=r"15\.00 USD"):
        refund(shop, order, "15.01")
    refund(shop, order, "15.00")
    with pytest.raises(RequestError):
        refund(shop, order, "0.01")
    assert shop.read(order.order_id).state is OrderState.REFUNDED and left(shop) == 0
    shop.deliver()
    assert left(shop) == 0 and shop.compare().findings == [] and shop.problems() == []


def test_the_same_refund_asked_again_is_the_same(shop: Shop) -> None:
    order, refund_id = shop.paid(), new_id("rfd", SystemClock().now_ms())
    first = refund(shop, order, "5.00", refund_id)
    assert refund(shop, order, "5.00", refund_id) == first and left(shop) == 15
    with pytest.raises(IdempotencyKeyReused):
        refund(shop, order, "6.00", refund_id)
    other = shop.paid()
    with pytest.raises(IdempotencyKeyReused):
        refund(shop, other, "5.00", refund_id)


@pytest.mark.parametrize(
    ("amount", "currency"), [("5.001", USD), ("0", USD), ("-5", USD), ("5", "CNY"), ("20.01", USD)]
)
def test_a_refund_that_cannot_be_is_refused(shop: Shop, amount: str, currency: str) -> None:
    order = shop.paid()
    with pytest.raises(RequestError):
        shop.work.refunding.refund(order.order_id, Money.parse(amount, currency), reason="why", actor="anna")
    assert left(shop) == 20 and shop.bank.every("refund", lambda _: True) == []


def test_a_refund_needs_a_credited_order_a_reason_and_an_id_of_its_kind(shop: Shop) -> None:
    order = shop.order()
    with pytest.raises(Conflict):
        refund(shop, order, "5.00")
    order = shop.paid()
    for reason, refund_id in (
        (" ", None),
        ("why", "req_01jd0000000000000000000000"),
        ("why", "rfd_x"),
        ("why", new_id("rfd", 0)),
    ):
        with pytest.raises(RequestError):
            shop.work.refunding.refund(
                order.order_id, Money(UNIT, USD), reason=reason, actor="anna", refund_id=refund_id
            )


def test_what_was_spent_is_not_refunded_by_hand(shop: Shop) -> None:
    order = shop.paid()
    spend(shop, "25")
    taking = refund(shop, order, "20.00")
    assert taking.state is TakingState.REFUSED and shop.bank.every("refund", lambda _: True) == []
    assert dict(shop.trail(order))["refund_refusing"]["why"] == "wallet: insufficient"
    assert shop.wallet().available_nano == 5 * UNIT and shop.read(order.order_id).state is OrderState.CREDITED
    assert shop.problems() == []


@pytest.mark.parametrize("how", ["before", "after", 500, 429, 401])
def test_an_ambiguous_answer_keeps_the_balance_set_aside_until_it_is_known(shop: Shop, how: str | int) -> None:
    order, refund_id = shop.paid(), new_id("rfd", SystemClock().now_ms())
    shop.wire.wrong.append(("post", "refunds", how))
    taking = refund(shop, order, "20.00", refund_id)
    assert taking.state is TakingState.REQUESTED
    assert shop.wallet().holds[refund_id].nano == 20 * UNIT and shop.wallet().available_nano == 10 * UNIT
    assert "provider_did_not_answer" in shop.whats(order)
    assert shop.problems() == [], "a refund under way explains its hold"
    assert refund(shop, order, "20.00", refund_id).state is TakingState.TAKEN
    assert len(shop.bank.every("refund", lambda _: True)) == 1 and left(shop) == 0 and shop.problems() == []


@pytest.mark.parametrize("finisher", ["event", "comparison"])
def test_a_refund_whose_answer_was_lost_is_finished_by_its_event_or_by_the_daily_comparison(
    shop: Shop, finisher: str
) -> None:
    order = shop.paid()
    shop.wire.wrong.append(("post", "refunds", "after"))
    assert refund(shop, order, "20.00").state is TakingState.REQUESTED
    if finisher == "event":
        shop.deliver()
    else:
        assert shop.compare().findings == []
    assert shop.read(order.order_id).state is OrderState.REFUNDED and left(shop) == 0 and shop.problems() == []


def test_a_refund_that_never_arrived_is_sent_again_by_the_daily_comparison(shop: Shop) -> None:
    order = shop.paid()
    shop.wire.wrong += [("post", "refunds", "before"), ("post", "refunds", 500)]
    assert refund(shop, order, "20.00").state is TakingState.REQUESTED
    assert [finding.problem for finding in shop.compare().findings] == ["refund_not_answered"]
    assert shop.compare().findings == [] and shop.read(order.order_id).state is OrderState.REFUNDED
    assert len(shop.bank.every("refund", lambda _: True)) == 1


def test_a_refund_that_the_provider_refuses_gives_the_balance_back(shop: Shop) -> None:
    order = shop.paid()
    shop.wire.wrong.append(("post", "refunds", 400))
    taking = refund(shop, order, "20.00")
    assert taking.state is TakingState.REFUSED and left(shop) == 20
    assert dict(shop.trail(order))["refund_refusing"]["why"].startswith("provider:")
    entry = shop.entry(entry_id_of(taking.taking_id, EntryType.REFUND))
    assert entry is not None and entry.postings == (), "an entry of nothing bars a late capture"
    assert shop.problems() == []


def test_a_refund_that_fails_later_is_credited_again(shop: Shop) -> None:
    order = shop.paid()
    taking = refund(shop, order, "20.00")
    shop.bank.fail_refund(shop.bank.every("refund", lambda _: True)[0]["id"])
    shop.deliver()
    after = shop.read(order.order_id).taking(taking.taking_id)
    assert after is not None and after.state is TakingState.RETURNED
    assert left(shop) == 20 and shop.read(order.order_id).state is OrderState.CREDITED and shop.problems() == []
    assert refund(shop, order, "20.00").state is TakingState.TAKEN, "it can be tried again"


def test_refunds_on_the_providers_pages_are_taken_back_cumulatively(shop: Shop) -> None:
    order = shop.paid()
    for cents, rest in ((500, 15), (700, 8), (800, 0)):
        shop.bank.refund_by_hand(shop.session(order), cents)
        events = list(shop.events)
        shop.deliver()
        shop.events[:] = events
        shop.deliver()
        assert left(shop) == rest
    assert shop.read(order.order_id).state is OrderState.REFUNDED
    assert len(shop.read(order.order_id).takings) == 3 and shop.compare().findings == [] and shop.problems() == []


def test_what_was_spent_before_it_went_back_becomes_a_debt_that_the_next_order_pays(shop: Shop) -> None:
    order = shop.paid()
    spend(shop, "25")
    shop.bank.refund_by_hand(shop.session(order))
    shop.deliver()
    wallet = shop.wallet()
    assert (wallet.available_nano, wallet.debt_nano) == (0, 15 * UNIT)
    assert shop.send("GET", "offers", key=shop.deployment.key()).json()["data"][0]["debt"] == "15.00"
    shop.paid()
    wallet = shop.wallet()
    assert (wallet.available_nano, wallet.debt_nano) == (5 * UNIT, 0) and shop.problems() == []


def test_a_dispute_takes_at_once_and_a_won_one_gives_back(shop: Shop) -> None:
    order = shop.paid()
    shop.bank.open_dispute(shop.session(order))
    shop.deliver()
    assert shop.read(order.order_id).state is OrderState.DISPUTED and left(shop) == 0
    [taking] = shop.read(order.order_id).takings
    entry = shop.entry(taking.entry_id)
    assert entry is not None and entry.type is EntryType.DISPUTE and entry.reference == order.order_id
    shop.bank.close_dispute(shop.session(order), won=True)
    shop.deliver()
    assert shop.read(order.order_id).state is OrderState.CREDITED and left(shop) == 20 and shop.problems() == []


def test_a_lost_dispute_stays_taken_and_owes_what_was_spent(shop: Shop) -> None:
    order = shop.paid()
    spend(shop, "25")
    shop.bank.open_dispute(shop.session(order))
    shop.bank.close_dispute(shop.session(order), won=False)
    shop.deliver()
    assert shop.read(order.order_id).state is OrderState.DISPUTE_LOST
    assert (shop.wallet().available_nano, shop.wallet().debt_nano) == (0, 15 * UNIT)
    assert shop.compare().findings == [] and shop.problems() == []


def test_a_dispute_that_was_won_after_its_balance_was_spent_pays_the_debt(shop: Shop) -> None:
    order = shop.paid()
    spend(shop, "25")
    shop.bank.open_dispute(shop.session(order))
    shop.deliver()
    shop.bank.close_dispute(shop.session(order), won=True)
    shop.deliver()
    assert (shop.wallet().available_nano, shop.wallet().debt_nano) == (5 * UNIT, 0) and shop.problems() == []


def test_a_refund_and_then_a_dispute_never_take_twice(shop: Shop) -> None:
    order = shop.paid()
    refund(shop, order, "15.00")
    shop.bank.open_dispute(shop.session(order))  # of the whole payment, as some banks do
    shop.deliver()
    assert left(shop) == 0 and shop.wallet().debt_nano == 0
    assert [taking.nano // UNIT for taking in shop.read(order.order_id).takings] == [15, 5]
    assert shop.compare().findings == [] and shop.problems() == []
    shop.bank.close_dispute(shop.session(order), won=True)
    shop.deliver()
    assert left(shop) == 5 and shop.problems() == []


def test_a_dispute_of_what_was_refunded_already_takes_nothing(shop: Shop) -> None:
    order = shop.paid()
    refund(shop, order, "20.00")
    shop.bank.open_dispute(shop.session(order))
    shop.deliver()
    assert left(shop) == 0 and shop.wallet().debt_nano == 0
    assert shop.read(order.order_id).state is OrderState.DISPUTED
    shop.bank.close_dispute(shop.session(order), won=True)
    shop.deliver()
    assert left(shop) == 0 and shop.read(order.order_id).state is OrderState.REFUNDED and shop.problems() == []


def test_a_dispute_takes_what_a_refund_that_came_to_nothing_leaves(shop: Shop) -> None:
    order = shop.paid()
    shop.wire.wrong.append(("post", "refunds", "before"))
    refund_id = new_id("rfd", SystemClock().now_ms())
    assert refund(shop, order, "20.00", refund_id).state is TakingState.REQUESTED
    shop.bank.open_dispute(shop.session(order))
    shop.deliver()
    assert shop.wallet().held_nano == 20 * UNIT, "the refund may still be"
    assert refund(shop, order, "20.00", refund_id).state is TakingState.REFUSED, "a disputed charge is not refunded"
    assert shop.compare().findings == []
    assert left(shop) == 0 and shop.read(order.order_id).state is OrderState.DISPUTED and shop.problems() == []


def test_an_inquiry_takes_nothing(shop: Shop) -> None:
    order = shop.paid()
    dispute = shop.bank.open_dispute(shop.session(order))
    dispute["status"] = "warning_needs_response"
    shop.deliver()
    assert left(shop) == 20 and shop.read(order.order_id).state is OrderState.CREDITED
    assert shop.compare().findings == []
