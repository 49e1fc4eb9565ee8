"""Orders and their refunds in the admin API: one wallet each, bounded, approved above the limit, never given back twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.admin.conftest import Admin, AdminDeployment
from tokens_forge.admin.keys import Scope
from tokens_forge.clock import SystemClock
from tokens_forge.ids import new_id
from tokens_forge.wallets import WalletKind

OFFICIAL, ROUTED = WalletKind
UNIT = 10**9


def refund(admin: Admin, order_id: str, amount: str, wallet: str = "official", **more: Any) -> Any:
    return admin.write("POST", f"/{wallet}/orders/{order_id}/refunds", {"amount": amount, **more})


def given_back(administration: AdminDeployment) -> list[int]:
    """What the provider gave back, in minor units."""
    return [made["amount"] for made in administration.shop.bank.every("refund", lambda _: True)]


def balance(administration: AdminDeployment, kind: WalletKind = OFFICIAL) -> int:
    return administration.product.wallet(kind).balance_nano


def test_orders_are_listed_by_wallet_newest_first_page_by_page(admin: Admin, administration: AdminDeployment) -> None:
    shop = administration.shop
    bought = [shop.paid().order_id, shop.order().order_id, shop.paid().order_id]
    routed = shop.paid(ROUTED, "30.00").order_id
    first = admin.get("/official/orders", limit=2)
    rest = admin.get("/official/orders", limit=2, cursor=first["next_cursor"])
    assert [order["id"] for order in (*first["data"], *rest["data"])] == bought[::-1] and not rest["has_more"]
    assert [order["id"] for order in admin.get("/official/orders", state="credited")["data"]] == [bought[2], bought[0]]
    assert admin.get("/official/orders", account_id="acc_nobody000000")["data"] == []
    [shown] = admin.get("/routed/orders", account_id=administration.product.account.account_id)["data"]
    assert (shown["id"], shown["wallet_label"], shown["currency"]) == (routed, ROUTED.label, "CNY")
    assert shown["refundable"] == "30.00" and shown["payment"] and "payment_page" not in shown
    assert admin.send("GET", f"/routed/orders/{bought[0]}").status_code == 404
    assert admin.send("GET", "/official/orders", cursor="bm9uZQ==").status_code == 400
    assert admin.send("GET", "/official/orders", since="2020-01-01T00:00:00Z").status_code == 400


@pytest.mark.parametrize(
    "refund_id", ["rfd_x", "rfd_", "ord_01m8ajehm3kwggq4r319x080ks", "rfd_01m00000000000000000000000"]
)
def test_a_refund_id_that_is_none_is_refused_before_anything_is_written(
    admin: Admin, administration: AdminDeployment, refund_id: str
) -> None:
    refused = refund(admin, administration.shop.paid().order_id, "5.00", refund_id=refund_id)
    assert refused.status_code == 400 and refused.json()["error"]["param"] == "refund_id"
    assert admin.get("/official/refunds")["data"] == [] and given_back(administration) == []


def test_a_refund_gives_the_money_back_takes_the_balance_and_is_on_record(
    admin: Admin, administration: AdminDeployment
) -> None:
    order, before, routed = administration.shop.paid(), balance(administration), balance(administration, ROUTED)
    made = refund(admin, order.order_id, "5.00")
    assert made.status_code == 201, made.text
    shown = made.json()
    assert (shown["object"], shown["state"], shown["amount"], shown["currency"]) == ("refund", "posted", "5.00", "USD")
    assert given_back(administration) == [500]
    assert balance(administration) == before - 5 * UNIT and balance(administration, ROUTED) == routed
    entry = administration.shop.entry(shown["entry_id"])
    assert entry is not None and entry.wallet_nano == -5 * UNIT
    read = admin.get(f"/official/orders/{order.order_id}")
    assert (read["state"], read["taken_back"], read["refundable"]) == ("partly_refunded", "5.00", "15.00")
    [asked] = [line for line in read["trail"] if line["what"] == "refund_requested"]
    assert asked["actor"] == admin.key_id and asked["reason"], "admins see who decided"
    actions = [record["action"] for record in admin.get("/official/audit", subject=shown["id"])["data"]]
    assert actions == ["refund.posted", "refund.request"]
    assert admin.get(f"/official/refunds/{shown['id']}") == shown == admin.get("/official/refunds")["data"][0]
    assert administration.shop.problems() == []


def test_the_same_refund_id_is_one_refund(admin: Admin, administration: AdminDeployment) -> None:
    order, refund_id = administration.shop.paid(), new_id("rfd", SystemClock().now_ms())
    answers = [refund(admin, order.order_id, "5.00", refund_id=refund_id) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201] * 3
    assert len({answer.text for answer in answers}) == 1 and given_back(administration) == [500]
    other = refund(admin, order.order_id, "6.00", refund_id=refund_id)
    assert other.status_code == 422 and other.json()["error"]["code"] == "idempotency_key_reused", other.text
    old = refund(admin, order.order_id, "5.00", refund_id=new_id("rfd", SystemClock().now_ms() - 86_400_000))
    assert old.status_code == 400 and given_back(administration) == [500]


def test_the_same_refund_sent_at_once_several_times_is_one_refund(
    admin: Admin, administration: AdminDeployment
) -> None:
    order, refund_id = administration.shop.paid(), new_id("rfd", SystemClock().now_ms())
    before = balance(administration)
    with ThreadPoolExecutor(4) as pool:
        sent = list(pool.map(lambda _: refund(admin, order.order_id, "5.00", refund_id=refund_id), range(4)))
    assert {answer.status_code for answer in sent} <= {201, 202, 409}, [answer.text for answer in sent]
    assert refund(admin, order.order_id, "5.00", refund_id=refund_id).json()["state"] == "posted"
    assert given_back(administration) == [500] and balance(administration) == before - 5 * UNIT
    assert administration.shop.problems() == []


def test_above_the_limit_a_second_admin_must_approve(admin: Admin, administration: AdminDeployment) -> None:
    second, order = administration.key(Scope.FINANCE, name="second"), administration.shop.paid(amount="150.00")
    before = balance(administration)
    asked = refund(admin, order.order_id, "100.01")
    assert asked.status_code == 202 and asked.json()["state"] == "pending" and asked.json()["entry_id"] is None
    path = f"/official/refunds/{asked.json()['id']}"
    assert admin.write("POST", f"{path}/approve", {}).status_code == 403
    assert given_back(administration) == [] and balance(administration) == before
    approved = second.write("POST", f"{path}/approve", {})
    assert approved.status_code == 200 and approved.json()["state"] == "posted", approved.text
    assert approved.json()["decided_by"] == second.key_id and approved.json()["taking_id"] != asked.json()["id"]
    assert given_back(administration) == [10_001] and balance(administration) == before - 100_010_000_000
    assert second.write("POST", f"{path}/approve", {}).status_code == 409
    declined = refund(admin, order.order_id, "49.99")
    assert declined.status_code == 201, "the day's allowance is not used by what a second admin approved"


def test_a_declined_refund_never_happens(admin: Admin, administration: AdminDeployment) -> None:
    order = administration.shop.paid(amount="150.00")
    path = f"/official/refunds/{refund(admin, order.order_id, '120.00').json()['id']}"
    assert admin.write("POST", f"{path}/decline", {}).json()["state"] == "declined"
    assert admin.write("POST", f"{path}/approve", {}).status_code == 409
    assert given_back(administration) == [] and administration.shop.read(order.order_id).takings == ()


def test_refunds_and_adjustments_share_one_allowance(admin: Admin, administration: AdminDeployment) -> None:
    order = administration.shop.paid(amount="60.00")
    account_id = administration.product.account.account_id
    moved = admin.write("POST", "/official/adjustments", {"account_id": account_id, "amount": "60"})
    assert moved.status_code == 201
    assert refund(admin, order.order_id, "40.01").json()["state"] == "pending"
    assert refund(admin, order.order_id, "40.00").json()["state"] == "posted"


@pytest.mark.parametrize("how", ["before", "after", 500])
def test_what_the_provider_does_not_answer_is_finished_by_asking_again(
    admin: Admin, administration: AdminDeployment, how: str | int
) -> None:
    shop = administration.shop
    order, before = shop.paid(), balance(administration)
    shop.wire.wrong = [("post", "refunds", how)]
    asked = refund(admin, order.order_id, "20.00")
    assert asked.status_code == 202 and asked.json()["state"] == "open", asked.text
    wallet = administration.product.wallet()
    assert wallet.held_nano == 20 * UNIT, "set aside until it is known"
    done = admin.write("POST", f"/official/refunds/{asked.json()['id']}/approve", {})
    assert done.status_code == 200 and done.json()["state"] == "posted"
    assert given_back(administration) == [2000] and balance(administration) == before - 20 * UNIT
    assert shop.problems() == []


def test_what_was_spent_is_not_refunded(admin: Admin, administration: AdminDeployment) -> None:
    order = administration.shop.paid()
    account_id = administration.product.account.account_id
    assert admin.write("POST", "/official/adjustments", {"account_id": account_id, "amount": "-25"}).status_code == 201
    refused = refund(admin, order.order_id, "20.00")
    assert refused.status_code == 409 and refused.json()["error"]["forge"]["current"]["state"] == "refused"
    assert given_back(administration) == []


@pytest.mark.parametrize("amount", ["0", "-1.00", "20.01", "1.001", "5 EUR", "", "NaN"])
def test_an_amount_that_cannot_be_refunded_is_refused_and_nothing_happens(
    admin: Admin, administration: AdminDeployment, amount: str
) -> None:
    order = administration.shop.paid()
    assert refund(admin, order.order_id, amount).status_code == 400
    assert given_back(administration) == [] and administration.shop.read(order.order_id).takings == ()
    assert admin.get("/official/refunds")["data"] == []


def test_only_a_credited_order_of_this_wallet_can_be_refunded(admin: Admin, administration: AdminDeployment) -> None:
    shop = administration.shop
    unpaid, routed = shop.order(), shop.paid(ROUTED, "30.00")
    assert refund(admin, unpaid.order_id, "5.00").status_code == 409
    assert refund(admin, routed.order_id, "5.00").status_code == 404
    assert refund(admin, "ord_nothing", "5.00").status_code == 404
    assert refund(admin, routed.order_id, "5.00", wallet="routed").json()["currency"] == "CNY"


def test_the_results_of_the_daily_comparison_are_shown(admin: Admin, administration: AdminDeployment) -> None:
    shop = administration.shop
    assert admin.get("/comparison")["data"] == []
    order = shop.order()
    shop.pay(order)  # and its event never comes
    shop.events.clear()
    shop.work.state.write_comparison(shop.compare())
    [result] = admin.get("/comparison")["data"]
    assert order.order_id in str(result)
    assert admin.get(f"/official/orders/{order.order_id}")["state"] == "credited"
