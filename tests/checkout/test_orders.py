"""Balance is ordered, paid on the provider's page, credited once; and its whole trail is readable by its buyer."""

from __future__ import annotations

import pytest

from tests.checkout.shop import Shop
from tests.support.http import Api
from tests.support.server import serve
from tokens_forge.checkout.orders import OrderState
from tokens_forge.clock import SystemClock
from tokens_forge.keys import KeyKind, KeyLimits
from tokens_forge.limits import MINUTE_MS
from tokens_forge.store.limits import DynamoLimitStore
from tokens_forge.wallets import WalletKind

UNIT = 10**9
FUNDED = {WalletKind.OFFICIAL: 10 * UNIT, WalletKind.ROUTED: 70 * UNIT}


@pytest.mark.parametrize(("kind", "currency"), [(WalletKind.OFFICIAL, "USD"), (WalletKind.ROUTED, "CNY")])
def test_a_paid_order_is_credited_once_and_its_trail_says_how(shop: Shop, kind: WalletKind, currency: str) -> None:
    key = shop.deployment.key(KeyKind(kind.value))
    made = shop.send("POST", "orders", key=key, json={"wallet": kind.value, "amount": "20.00"})
    assert made.status_code == 201
    order = made.json()
    assert (order["wallet"], order["currency"], order["amount"], order["state"]) == (
        kind.value,
        currency,
        "20.00",
        "awaiting_payment",
    )
    assert order["payment_page"].startswith("https://pay.test/pay/cs_")
    shop.pay(shop.read(order["id"]))
    assert shop.deliver() == [200]
    read = shop.send("GET", f"orders/{order['id']}", key=key).json()
    assert read["state"] == "credited" and read["payment_page"] is None
    assert [line["what"] for line in read["trail"]] == ["created", "page_opened", "provider_event", "paid", "credited"]
    event = read["trail"][2]
    assert (event["signature"], event["amount"], event["currency"], event["page"]) == ("ok", "ok", "ok", "ok")
    assert event["type"] == "checkout.session.completed"
    assert read["trail"][4]["entry_id"] == read["entry_id"]
    entry = shop.entry(read["entry_id"], kind)
    assert entry is not None and entry.wallet_nano == 20 * UNIT and entry.reference == order["id"]
    assert shop.wallet(kind).available_nano == FUNDED[kind] + 20 * UNIT
    [other] = set(WalletKind) - {kind}
    assert shop.wallet(other).available_nano == FUNDED[other], "nothing crosses over"
    assert shop.problems() == []


def test_offers_say_what_each_wallet_buys_at_the_prices_that_models_and_receipts_show(shop: Shop) -> None:
    answer = shop.send("GET", "offers", key=shop.deployment.key()).json()
    official, routed = answer["data"]
    assert (official["label"], official["currency"]) == ("Official model Credit", "USD")
    assert (routed["label"], routed["currency"]) == ("Routed balance", "CNY")
    assert (official["least"], official["most"]) == ("5.00", "1000.00") and official["debt"] == "0.00"
    assert official["may_order"] and not routed["may_order"], "an official key buys Credit only"
    with serve(shop.deployment.app) as url:
        for kind, offer in ((KeyKind.OFFICIAL, official), (KeyKind.ROUTED, routed)):
            models = Api(url + "/v1", shop.deployment.key(kind)).get("/models").json()["data"]
            listed = {model["id"]: model["forge"]["price"] for model in models}
            assert {model["id"]: model["price"] for model in offer["models"]} == listed and listed


def test_a_limited_key_sees_what_the_balance_buys_not_only_what_it_may_call(shop: Shop) -> None:
    limited = shop.deployment.key(allowed_models=frozenset({"gpt-4o"}))
    official = shop.send("GET", "offers", key=limited).json()["data"][0]
    assert {"gpt-4o", "gpt-4o-mini"} <= {model["id"] for model in official["models"]}


def test_an_order_its_receipt_and_the_statement_use_the_same_words(shop: Shop) -> None:
    order = shop.paid()
    key = shop.deployment.key()
    receipt = shop.send("GET", f"orders/{order.order_id}/receipt", key=key).json()
    read = shop.send("GET", f"orders/{order.order_id}", key=key).json()
    with serve(shop.deployment.app) as url:
        api = Api(url + "/v1", key)
        line = api.get("/ledger").json()["data"][0]
        wallet = api.get("/wallets").json()["data"][0]
    assert line["entry_id"] == receipt["entry_id"] == read["entry_id"] and line["type"] == "top_up"
    assert line["amount"] == receipt["amount"] == read["amount"] == "20.00"
    assert line["reference"] == receipt["id"] == read["id"]
    assert receipt["wallet_label"] == read["wallet_label"] == wallet["label"]
    assert receipt["currency"] == read["currency"] == wallet["currency"] == line["currency"]
    assert receipt["buys"] == read["buys"]
    assert receipt["postings"] == [
        {"book_account": "wallet", "amount": "20.00"},
        {"book_account": "clearing:sandbox", "amount": "-20.00"},
    ]


def test_the_printable_receipt_opens_with_the_pages_token_or_a_key_and_with_nothing_else(shop: Shop) -> None:
    order = shop.paid()
    path = f"orders/{order.order_id}/receipt.html"
    page = shop.send("GET", f"{path}?token={order.page_token}")
    assert page.status_code == 200 and "Official model Credit" in page.text and order.entry_id in page.text
    assert page.headers["cache-control"] == "no-store" and page.headers["referrer-policy"] == "no-referrer"
    assert "script-src" not in page.headers["content-security-policy"] and "<script" not in page.text
    assert shop.send("GET", path, key=shop.deployment.key()).text == page.text
    assert shop.send("GET", f"{path}?token=wrong").status_code == 404
    assert shop.send("GET", path).status_code == 401
    other = shop.deployment.other_account().key()
    assert shop.send("GET", path, key=other).status_code == 404


def test_an_order_that_is_not_credited_has_no_receipt_yet(shop: Shop) -> None:
    order = shop.order()
    assert shop.send("GET", f"orders/{order.order_id}/receipt", key=shop.deployment.key()).status_code == 409


def test_the_return_page_asks_the_provider_and_shows_what_is_true(shop: Shop) -> None:
    order = shop.order()
    page = f"return?order={order.order_id}&token={order.page_token}"
    waiting = shop.send("GET", page)
    assert waiting.status_code == 200 and "waiting for your payment" in waiting.text
    assert "You have not paid" in shop.send("GET", page + "&cancelled=1").text
    shop.pay(order, told=False)
    assert "Paid and credited" in shop.send("GET", page).text
    assert shop.read(order.order_id).state is OrderState.CREDITED
    assert shop.send("GET", f"return?order={order.order_id}&token=wrong").status_code == 404


def test_i_have_paid_asks_the_provider_when_no_webhook_came(shop: Shop) -> None:
    order, key = shop.order(), shop.deployment.key()
    assert shop.send("POST", f"orders/{order.order_id}/check", key=key).json()["state"] == "awaiting_payment"
    shop.pay(order, told=False)
    checked = shop.send("POST", f"orders/{order.order_id}/check", key=key).json()
    assert checked["state"] == "credited"
    assert "provider_event" not in [line["what"] for line in checked["trail"]]
    assert shop.wallet().available_nano == 30 * UNIT


def use_up(shop: Shop, what: str, times: int) -> None:
    """This minute and the next ones, whichever the request falls into."""
    store = DynamoLimitStore(shop.deployment.client, shop.deployment.settings.tables.state)
    now = SystemClock().now_ms() // MINUTE_MS
    for at in range(now, now + 3):
        for _ in range(times):
            assert store.count(what, at, 0, KeyLimits(requests_per_minute=times)).admitted


def test_checks_of_an_order_are_limited(shop: Shop) -> None:
    order, key = shop.order(), shop.deployment.key()
    use_up(shop, f"checks#{order.order_id}", 6)
    refused = shop.send("POST", f"orders/{order.order_id}/check", key=key)
    assert refused.status_code == 429 and 0 < int(refused.headers["retry-after"]) <= 60
    assert refused.json()["error"]["forge"]["limit"] == "checkout_check"
    page = shop.send("GET", f"return?order={order.order_id}&token={order.page_token}")
    assert page.status_code == 200 and "waiting for your payment" in page.text, "the page shows what is known"


def test_orders_of_an_account_are_limited(shop: Shop) -> None:
    use_up(shop, f"orders#{shop.deployment.account.account_id}", 20)
    key, body = shop.deployment.key(), {"wallet": "official", "amount": "5"}
    refused = shop.send("POST", "orders", key=key, json=body)
    assert refused.status_code == 429 and refused.json()["error"]["forge"]["limit"] == "checkout_order"
    assert shop.bank.every("checkout.session", lambda _: True) == []


@pytest.mark.parametrize(("seller", "status"), [("official", 201), ("manage", 201), ("routed", 403)])
def test_a_wallet_is_filled_with_its_own_key_or_the_management_key(shop: Shop, seller: str, status: int) -> None:
    key = shop.deployment.key(KeyKind(seller))
    answer = shop.send("POST", "orders", key=key, json={"wallet": "official", "amount": "20"})
    assert answer.status_code == status, answer.text


def test_another_accounts_order_is_not_found(shop: Shop) -> None:
    order, stranger = shop.paid(), shop.deployment.other_account().key()
    for method, path in (("GET", ""), ("POST", "/check"), ("GET", "/receipt")):
        answer = shop.send(method, f"orders/{order.order_id}{path}", key=stranger)
        assert answer.status_code == 404 and order.entry_id not in answer.text
        assert shop.send(method, f"orders/{order.order_id}{path}").status_code == 401
    assert shop.send("GET", "orders", key=stranger).json()["data"] == []


@pytest.mark.parametrize(
    "order_id", ["ord_nothing", "req_01jd0000000000000000000000", "ord_01jd0000000000000000000000", "%20"]
)
def test_an_unknown_order_is_not_found(shop: Shop, order_id: str) -> None:
    assert shop.send("GET", f"orders/{order_id}", key=shop.deployment.key()).status_code == 404


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"wallet": "official", "amount": "4.99"}, "amount"),
        ({"wallet": "official", "amount": "1000.01"}, "amount"),
        ({"wallet": "official", "amount": "20.001"}, "amount"),
        ({"wallet": "official", "amount": "-20"}, "amount"),
        ({"wallet": "official", "amount": "1e3"}, "amount"),
        ({"wallet": "official", "amount": "twenty"}, "amount"),
        ({"wallet": "official", "amount": 20}, "amount"),
        ({"wallet": "both", "amount": "20"}, "wallet"),
        ({"amount": "20"}, "wallet"),
        ({"wallet": "official", "amount": "20", "currency": "CNY"}, "currency"),
    ],
)
def test_an_order_that_cannot_be_is_refused_and_says_where(shop: Shop, body: dict[str, object], param: str) -> None:
    answer = shop.send("POST", "orders", key=shop.deployment.key(), json=body)
    assert answer.status_code == 400 and answer.json()["error"]["param"] == param
    assert shop.send("GET", "orders", key=shop.deployment.key()).json()["data"] == []


@pytest.mark.parametrize(
    ("currency", "amount", "minor"), [("JPY", "500", 500), ("KWD", "1.250", 1250), ("CNY", "20.50", 2050)]
)
def test_every_currency_is_paid_in_its_own_minor_units(shop: Shop, currency: str, amount: str, minor: int) -> None:
    account = shop.deployment.accounts.open("Abroad", currency)
    key = shop.deployment.accounts.create_key(account.account_id, KeyKind.ROUTED, "test").token
    made = shop.send("POST", "orders", key=key, json={"wallet": "routed", "amount": amount}).json()
    session = shop.bank.read(shop.session(shop.read(made["id"])), "checkout.session")
    assert (session["amount_total"], session["currency"]) == (minor, currency.lower())
    shop.pay(shop.read(made["id"]))
    shop.deliver()
    wallet = shop.deployment.ledger.read_wallet(account.account_id, WalletKind.ROUTED)
    assert (
        wallet is not None and wallet.available_nano == minor * 10**9 // {"JPY": 1, "KWD": 1000, "CNY": 100}[currency]
    )


@pytest.mark.parametrize(("currency", "amount"), [("JPY", "500.5"), ("KWD", "1.2505")])
def test_no_amount_is_finer_than_its_currency(shop: Shop, currency: str, amount: str) -> None:
    account = shop.deployment.accounts.open("Abroad", currency)
    key = shop.deployment.accounts.create_key(account.account_id, KeyKind.ROUTED, "test").token
    assert shop.send("POST", "orders", key=key, json={"wallet": "routed", "amount": amount}).status_code == 400


def test_a_currency_without_limits_is_not_sold(shop: Shop) -> None:
    account = shop.deployment.accounts.open("Abroad", "EUR")
    key = shop.deployment.accounts.create_key(account.account_id, KeyKind.ROUTED, "test").token
    assert shop.send("POST", "orders", key=key, json={"wallet": "routed", "amount": "20"}).status_code == 400
    assert shop.send("GET", "offers", key=key).json()["data"][1]["least"] is None


def test_a_frozen_wallet_is_not_filled(shop: Shop) -> None:
    shop.deployment.ledger.freeze_wallet(shop.deployment.account.account_id, WalletKind.OFFICIAL)
    answer = shop.send("POST", "orders", key=shop.deployment.key(), json={"wallet": "official", "amount": "20"})
    assert answer.status_code == 403 and answer.json()["error"]["code"] == "wallet_frozen"


def test_the_same_idempotency_key_is_the_same_order_and_the_same_page(shop: Shop) -> None:
    key, headers = shop.deployment.key(), {"idempotency-key": "mine"}
    body = {"wallet": "official", "amount": "20"}
    first = shop.send("POST", "orders", key=key, json=body, headers=headers).json()
    again = shop.send("POST", "orders", key=key, json={"wallet": "official", "amount": "20.00"}, headers=headers).json()
    assert again == first
    other = shop.send("POST", "orders", key=key, json={"wallet": "official", "amount": "21"}, headers=headers)
    assert other.status_code == 422 and other.json()["error"]["code"] == "idempotency_key_reused"
    stranger = shop.deployment.other_account().key()
    assert shop.send("POST", "orders", key=stranger, json=body, headers=headers).json()["id"] != first["id"]
    assert len(shop.bank.every("checkout.session", lambda _: True)) == 2


@pytest.mark.parametrize("how", ["before", "after", 500, 429])
def test_a_provider_that_does_not_answer_leaves_an_order_that_opens_later(shop: Shop, how: str | int) -> None:
    key, headers = shop.deployment.key(), {"idempotency-key": "mine"}
    body = {"wallet": "official", "amount": "20"}
    shop.wire.wrong.append(("post", "checkout/sessions", how))
    silent = shop.send("POST", "orders", key=key, json=body, headers=headers)
    assert silent.status_code == 503 and int(silent.headers["retry-after"]) > 0
    order_id = silent.json()["error"]["forge"]["order"]
    assert shop.read(order_id).state is OrderState.CREATED
    made = shop.send("POST", "orders", key=key, json=body, headers=headers)
    assert made.status_code == 201 and made.json()["id"] == order_id and made.json()["payment_page"]
    assert len(shop.bank.every("checkout.session", lambda _: True)) == 1, "one order has one page"


def test_a_provider_that_refuses_ends_the_order(shop: Shop) -> None:
    shop.wire.wrong.append(("post", "checkout/sessions", 400))
    answer = shop.send("POST", "orders", key=shop.deployment.key(), json={"wallet": "official", "amount": "20"})
    assert answer.status_code == 502 and answer.json()["error"]["code"] == "payment_provider_refused"
    order = shop.read(answer.json()["error"]["forge"]["order"])
    assert order.state is OrderState.FAILED and shop.whats(order) == ["created", "page_refused"]
    key = shop.deployment.key()
    assert shop.send("POST", f"orders/{order.order_id}/check", key=key).json()["state"] == "failed"


def test_orders_are_listed_newest_first_page_by_page(shop: Shop) -> None:
    key = shop.deployment.key()
    made = [shop.order(key=key).order_id for _ in range(5)]
    seen, cursor = [], None
    while True:
        parameters = {"limit": 2, **({"cursor": cursor} if cursor else {})}
        page = shop.send("GET", "orders", key=key, params=parameters).json()
        seen += [order["id"] for order in page["data"]]
        cursor = page["next_cursor"]
        if not page["has_more"]:
            break
    assert seen == sorted(made, reverse=True) and cursor is None
    assert shop.send("GET", "orders?cursor=nonsense", key=key).status_code == 400
