"""Webhooks of every bad sort: nothing is credited or taken twice, the trail says what happened, the answer tells nothing."""

from __future__ import annotations

import json
import time

import pytest

from tests.checkout.shop import Shop
from tokens_forge.checkout.orders import Order, OrderState
from tokens_forge.wallets import WalletKind

UNIT = 10**9
RECEIVED = {"received": True}


def waiting(shop: Shop, **how: int | str) -> Order:
    """A paid order whose event was not delivered yet."""
    order = shop.order()
    shop.pay(order, **how)
    return order


def credited_nano(shop: Shop) -> int:
    return shop.wallet().available_nano - 10 * UNIT


def test_a_repeated_event_credits_once_and_is_one_line_of_the_trail(shop: Shop) -> None:
    order = waiting(shop)
    [event] = shop.events
    assert [shop.post_event(event).json() for _ in range(3)] == [RECEIVED] * 3
    assert credited_nano(shop) == 20 * UNIT and shop.whats(order).count("provider_event") == 1


def test_a_forged_event_credits_nothing_and_its_order_says_so_once(shop: Shop) -> None:
    order = shop.order()
    shop.pay(order)
    [event] = shop.events
    for forged in ("whsec_guess", "secret-stripe-webhook"):
        answer = shop.post_event(event, secret=forged)
        assert answer.status_code == 400 and order.order_id not in answer.text
    assert shop.send("POST", "webhooks/sandbox", content=json.dumps(event)).status_code == 400, "no signature at all"
    assert credited_nano(shop) == 0 and shop.read(order.order_id).state is OrderState.AWAITING_PAYMENT
    [(_, facts)] = [line for line in shop.trail(order) if line[0] == "provider_event"]
    assert facts["signature"] == "forged" and facts["credited"] == "nothing"


def test_an_altered_event_is_a_forged_one(shop: Shop) -> None:
    order = waiting(shop)
    body = json.dumps(shop.events[0])
    signed = shop.post_event(body.encode()).request.headers["stripe-signature"]
    altered = body.replace(order.order_id, shop.order().order_id)
    assert altered != body
    answer = shop.send("POST", "webhooks/sandbox", content=altered, headers={"stripe-signature": signed})
    assert answer.status_code == 400


def test_a_stale_event_credits_nothing_and_its_order_says_so(shop: Shop) -> None:
    order = waiting(shop)
    assert shop.post_event(shop.events[0], at=int(time.time()) - 301).status_code == 400
    assert credited_nano(shop) == 0
    assert [facts["signature"] for what, facts in shop.trail(order) if what == "provider_event"] == ["stale"]
    assert shop.post_event(shop.events[0], at=int(time.time()) - 200).status_code == 200
    assert credited_nano(shop) == 20 * UNIT


def test_another_providers_event_credits_nothing_and_the_trail_says_so(shop: Shop) -> None:
    order = waiting(shop)
    assert shop.post_event(shop.events[0], "stripe").json() == RECEIVED, (
        "rightly signed, by a provider that was not asked"
    )
    assert credited_nano(shop) == 0 and shop.read(order.order_id).state is OrderState.AWAITING_PAYMENT
    [(_, facts)] = [line for line in shop.trail(order) if line[0] == "provider_event"]
    assert (facts["provider"], facts["provider_is"], facts["credited"]) == ("stripe", "wrong", "nothing")
    assert shop.post_event(shop.events[0], "paypal").status_code == 404


@pytest.mark.parametrize(
    ("how", "amount", "currency"),
    [({"amount": 1}, "wrong", "ok"), ({"amount": 200_000}, "wrong", "ok"), ({"currency": "cny"}, "ok", "wrong")],
)
def test_a_payment_of_another_amount_or_currency_credits_nothing(
    shop: Shop, how: dict[str, int | str], amount: str, currency: str
) -> None:
    order = waiting(shop, **how)
    assert shop.deliver() == [200]
    assert credited_nano(shop) == 0 and shop.read(order.order_id).state is OrderState.MISMATCHED
    facts = dict(shop.trail(order))["mismatched"]
    assert (facts["amount"], facts["currency"]) == (amount, currency) and facts["received"]
    assert [finding.problem for finding in shop.compare().findings] == ["paid_otherwise_than_ordered"]
    assert shop.problems() == [] and shop.wallet(WalletKind.ROUTED).available_nano == 70 * UNIT


def test_an_event_that_says_another_amount_than_is_true_is_written_down_and_the_truth_counts(shop: Shop) -> None:
    order = waiting(shop)
    [event] = shop.events
    event["data"]["object"]["amount_total"] = 1
    assert shop.post_event(event).status_code == 200
    assert dict(shop.trail(order))["provider_event"]["amount"] == "wrong"
    assert credited_nano(shop) == 20 * UNIT, "what the provider says when it is asked"


def test_an_event_of_an_unknown_order_is_received_and_changes_nothing(shop: Shop) -> None:
    waiting(shop)
    [event] = shop.events
    about = event["data"]["object"]
    about["client_reference_id"], about["metadata"] = "ord_01jd0000000000000000000000", {}
    assert shop.post_event(event).json() == RECEIVED
    about["client_reference_id"] = None
    assert shop.post_event(event).json() == RECEIVED
    assert credited_nano(shop) == 0


def test_an_event_of_a_page_that_is_not_the_orders_credits_nothing(shop: Shop) -> None:
    """Paid twice: a second page for the same order, which somebody made at the provider."""
    order = shop.paid()
    second = shop.bank.open_session(_as_asked(shop, order))
    shop.bank.pay(second["id"])
    assert shop.deliver() == [200]
    assert credited_nano(shop) == 20 * UNIT
    assert [facts["page"] for what, facts in shop.trail(order) if what == "provider_event"] == ["ok", "wrong"]
    [finding] = shop.compare().findings
    assert (finding.problem, finding.subject) == ("paid_twice", second["id"])
    shop.bank.refund_by_hand(second["id"])
    assert shop.compare().findings == [], "the second payment was given back"
    assert credited_nano(shop) == 20 * UNIT and shop.problems() == []


def _as_asked(shop: Shop, order: Order) -> dict[str, object]:
    session = shop.bank.read(shop.session(order), "checkout.session")
    price = {"currency": "usd", "unit_amount": session["amount_total"], "product_data": {"name": "x"}}
    return {
        "line_items": [{"quantity": 1, "price_data": price}],
        "payment_intent_data": {"metadata": session["metadata"]},
        **{
            name: session[name]
            for name in ("cancel_url", "client_reference_id", "expires_at", "metadata", "success_url")
        },
    }


def test_one_accounts_payment_never_credits_another(shop: Shop) -> None:
    mine = waiting(shop)
    [event] = shop.events
    theirs = shop.deployment.other_account()
    key = theirs.key()
    other = shop.order(key=key)
    event["data"]["object"]["metadata"]["forge_order"] = other.order_id
    assert shop.post_event(event).status_code == 200
    assert shop.read(other.order_id).state is OrderState.AWAITING_PAYMENT
    assert theirs.wallet().available_nano == 0
    shop.deliver()
    assert shop.read(mine.order_id).state is OrderState.AWAITING_PAYMENT or credited_nano(shop) == 20 * UNIT


def test_a_payment_after_the_page_has_failed_or_expired_is_still_credited(shop: Shop) -> None:
    for end in (shop.bank.fail, shop.bank.expire):
        order = shop.order()
        end(shop.session(order))
        shop.deliver()
        assert shop.read(order.order_id).state in (OrderState.FAILED, OrderState.EXPIRED)
        session = shop.bank.read(shop.session(order), "checkout.session")
        session.update(status="open", payment_intent=None)
        shop.pay(order)
        shop.deliver()
        assert shop.read(order.order_id).state is OrderState.CREDITED
    assert credited_nano(shop) == 40 * UNIT


def test_a_page_that_was_opened_though_the_provider_seemed_to_refuse_is_credited_and_can_be_refunded(
    shop: Shop,
) -> None:
    shop.wire.wrong += [("post", "checkout/sessions", "after"), ("post", "checkout/sessions", 400)]
    key, body = shop.deployment.key(), {"wallet": "official", "amount": "20"}
    headers = {"idempotency-key": "mine"}
    silent, refused = (shop.send("POST", "orders", key=key, json=body, headers=headers) for _ in range(2))
    assert (silent.status_code, refused.status_code) == (503, 502)
    order = shop.read(refused.json()["error"]["forge"]["order"])
    assert order.state is OrderState.FAILED and order.session_id is None
    [session] = shop.bank.every("checkout.session", lambda _: True)
    shop.bank.pay(session["id"])
    assert shop.deliver() == [200]
    assert shop.read(order.order_id).session_id == session["id"] and credited_nano(shop) == 20 * UNIT
    shop.bank.refund_by_hand(session["id"])
    shop.deliver()
    assert credited_nano(shop) == 0 and shop.problems() == []


def test_events_in_any_order_lead_to_the_same(shop: Shop) -> None:
    order = shop.order()
    shop.pay(order)
    shop.bank.refund_by_hand(shop.session(order), 500)
    shop.bank.open_dispute(shop.session(order))
    shop.bank.close_dispute(shop.session(order), won=True)
    shop.events.reverse()
    assert set(shop.deliver()) == {200}
    assert shop.read(order.order_id).state is OrderState.PARTLY_REFUNDED
    assert credited_nano(shop) == 15 * UNIT and shop.problems() == []


@pytest.mark.parametrize("how", ["before", 500])
@pytest.mark.parametrize("path", ["checkout/sessions/", "refunds", "disputes"])
def test_an_event_that_cannot_be_followed_now_is_sent_again(shop: Shop, path: str, how: str | int) -> None:
    waiting(shop)
    [event] = shop.events
    shop.wire.wrong.append(("get", path, how))
    answer = shop.post_event(event)
    assert answer.status_code == 503 and credited_nano(shop) == 0
    assert shop.post_event(event).status_code == 200 and credited_nano(shop) == 20 * UNIT


def test_an_event_waits_for_a_secret_that_cannot_be_read(shop: Shop) -> None:
    waiting(shop)
    shop.secrets.missing.add("forge/local-payments/sandbox-webhook")
    assert shop.post_event(shop.events[0]).status_code == 503
    shop.secrets.missing.clear()
    assert shop.post_event(shop.events[0]).status_code == 200


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"object":"event"}', b'{"object":"event","id":1,"type":"x","data":{}}'],
)
def test_what_is_no_event_is_refused(shop: Shop, body: bytes) -> None:
    answer = shop.send("POST", "webhooks/sandbox", content=body, headers={"stripe-signature": "t=1,v1=00"})
    assert answer.status_code == 400


def test_a_body_that_is_too_large_is_not_read_to_its_end(shop: Shop) -> None:
    assert shop.send("POST", "webhooks/sandbox", content=b" " * (256 * 1024 + 1)).status_code == 413
