"""The daily comparison and the reconciliation: a webhook that never came is found, an entry without a payment is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.checkout.shop import Shop
from tokens_forge.checkout.orders import Order, OrderState
from tokens_forge.clock import SystemClock
from tokens_forge.ids import new_id
from tokens_forge.money import Money
from tokens_forge.store.codec import entry_key
from tokens_forge.store.order_codec import order_item, order_key
from tokens_forge.wallets import WalletKind, WalletStatus

UNIT = 10**9


def problems(shop: Shop) -> list[str]:
    return [finding.problem for finding in shop.compare().findings]


def test_a_webhook_that_never_came_is_found_and_credited_by_the_same_path(shop: Shop) -> None:
    order = shop.order()
    shop.pay(order, told=False)
    done = shop.compare()
    assert done.found_late == [order.order_id] and done.findings == [] and (done.payments, done.orders) == (1, 1)
    assert shop.read(order.order_id).state is OrderState.CREDITED and shop.wallet().available_nano == 30 * UNIT
    again = shop.compare()
    assert again.found_late == [] and again.findings == [] and shop.wallet().available_nano == 30 * UNIT
    assert shop.problems() == []


def test_a_dispute_whose_webhook_never_came_is_found(shop: Shop) -> None:
    order = shop.paid()
    shop.bank.open_dispute(shop.session(order))
    assert problems(shop) == [] and shop.read(order.order_id).state is OrderState.DISPUTED
    assert shop.wallet().available_nano == 10 * UNIT


def test_a_page_that_nobody_noted_is_found_by_its_payment(shop: Shop) -> None:
    """The process died, or lost the answer, when the page was opened; its buyer paid all the same."""
    key = shop.deployment.key()
    shop.wire.wrong.append(("post", "checkout/sessions", "after"))
    silent = shop.send("POST", "orders", key=key, json={"wallet": "official", "amount": "20"})
    order_id = silent.json()["error"]["forge"]["order"]
    [session] = shop.bank.every("checkout.session", lambda _: True)
    shop.bank.pay(session["id"], told=False)
    assert shop.compare().found_late == [order_id]
    assert shop.read(order_id).session_id == session["id"] and shop.wallet().available_nano == 30 * UNIT


def test_an_event_of_a_page_that_nobody_noted_credits_too(shop: Shop) -> None:
    shop.wire.wrong.append(("post", "checkout/sessions", "after"))
    silent = shop.send("POST", "orders", key=shop.deployment.key(), json={"wallet": "official", "amount": "20"})
    [session] = shop.bank.every("checkout.session", lambda _: True)
    shop.bank.pay(session["id"])
    assert shop.deliver() == [200]
    assert shop.read(silent.json()["error"]["forge"]["order"]).state is OrderState.CREDITED


def test_a_credit_whose_payment_the_provider_does_not_know_is_told(shop: Shop) -> None:
    order = shop.paid()
    session = shop.bank.read(shop.session(order), "checkout.session")
    session.update(payment_status="unpaid", status="open", payment_intent=None)
    assert problems(shop) == ["credit_without_payment"]
    del shop.bank.things[shop.session(order)]
    assert problems(shop) == ["credit_without_payment"]
    assert shop.wallet().status is WalletStatus.ACTIVE, "somebody must look; nobody is punished for a provider"


def test_a_payment_of_this_deployment_without_an_order_is_told_and_others_are_left_alone(shop: Shop) -> None:
    order = shop.paid()
    session = shop.bank.read(shop.session(order), "checkout.session")
    session["metadata"] = {"forge_order": "ord_01jd0000000000000000000000", "forge_deployment": "test"}
    assert "payment_without_order" in problems(shop)
    session["metadata"] = {"forge_order": "ord_01jd0000000000000000000000", "forge_deployment": "another"}
    found = shop.compare()
    assert "payment_without_order" in [finding.problem for finding in found.findings], "our order names this page"
    del shop.bank.things[session["id"]]
    foreign = {**session, "id": "cs_foreign", "metadata": {"shop": "another's"}}
    shop.bank.things["cs_foreign"] = foreign
    assert problems(shop) == ["credit_without_payment"]


def test_money_that_went_back_otherwise_than_the_order_says_is_told(shop: Shop) -> None:
    order = shop.paid()
    shop.bank.refund_by_hand(shop.session(order), 500)
    shop.deliver()
    refund = shop.bank.every("refund", lambda _: True)[0]
    refund["amount"] = 300
    assert problems(shop) == ["taken_back_differs"]


@pytest.mark.parametrize("path", ["checkout/sessions", "events", "refunds", "disputes", "checkout/sessions/"])
def test_a_provider_that_does_not_answer_is_a_finding_and_the_next_run_finds_the_rest(shop: Shop, path: str) -> None:
    order = shop.order()
    shop.pay(order, told=False)
    shop.wire.wrong.append(("get", path, 500))
    assert "provider_did_not_answer" in problems(shop)
    assert problems(shop) == [] and shop.read(order.order_id).state is OrderState.CREDITED


def test_a_run_that_has_no_time_left_says_so(shop: Shop) -> None:
    shop.paid()
    done = shop.work.comparison.run(shop.work.provider, lambda: False)
    assert [finding.problem for finding in done.findings] == ["not_finished"]


def _hide_entry(shop: Shop, order: Order) -> None:
    key = entry_key(order.account_id, order.kind, order.entry_id)
    shop.deployment.client.delete_item(TableName=shop.deployment.settings.tables.journal, Key=key)


def _hide_order(shop: Shop, order: Order) -> None:
    for key in (order_key(order.order_id), _account_item(order)):
        shop.deployment.client.delete_item(TableName=shop.deployment.settings.tables.orders, Key=key)


def _account_item(order: Order) -> dict[str, Any]:
    return {"scope": {"S": f"account#{order.account_id}"}, "item": {"S": order.order_id}}


def _inflate_order(shop: Shop, order: Order) -> None:
    item = {**order_item(order), "amount": {"N": str(order.amount.nano * 2)}}
    shop.deployment.client.put_item(TableName=shop.deployment.settings.tables.orders, Item=item)


def _forge_credit(shop: Shop, order: Order) -> None:
    """An entry that says it was paid at the provider, and no order."""
    shop.deployment.balances.top_up(
        order.account_id,
        order.kind,
        Money(UNIT, "USD"),
        order_id=new_id("ord", SystemClock().now_ms()),
        source="stripe",
    )


@pytest.mark.parametrize(
    ("fraud", "expected"),
    [
        (_hide_entry, "order_without_entry"),
        (_hide_order, "entry_without_order"),
        (_inflate_order, "order_without_entry"),
        (_forge_credit, "entry_without_order"),
    ],
)
def test_the_reconciliation_finds_orders_and_entries_that_do_not_fit_and_freezes_the_wallet(
    shop: Shop, fraud: Callable[[Shop, Order], None], expected: str
) -> None:
    order = shop.paid()
    assert shop.problems() == []
    fraud(shop, order)
    assert expected in shop.problems()
    assert shop.wallet().status is WalletStatus.FROZEN
    assert shop.wallet(WalletKind.ROUTED).status is WalletStatus.ACTIVE


def test_a_top_up_that_an_admin_reversed_by_hand_is_no_misfit(shop: Shop) -> None:
    order = shop.paid()
    entry = shop.entry(order.entry_id)
    assert entry is not None
    shop.deployment.balances.reverse(entry)
    assert shop.problems() == []
