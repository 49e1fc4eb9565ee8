"""The Stripe adapter: events in the shapes that Stripe documents, its own library's signatures, its currencies, its errors."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
import stripe
from stripe import WebhookSignature

from functions.checkout.compose import payment_providers
from functions.checkout.settings import Settings
from tests.checkout.shop import ENVIRONMENT, PREFIX, Secrets, Shop, Wire
from tests.support.engines import Engine
from tokens_forge.checkout.port import PaymentStatus, ProviderRefused, ProviderSilent, Standing
from tokens_forge.checkout.providers.stripe import (
    MONEY_BACK_EVENTS,
    StripeProvider,
    _disputed,
    _payment_of,
    _refunded,
    bounded_http_client,
)
from tokens_forge.checkout.trail import Verdict
from tokens_forge.money import Money

EVENTS = {path.stem: json.loads(path.read_text()) for path in sorted((Path(__file__).parent / "events").glob("*.json"))}
ORDER_ID = "ord_01jd0000000000000000000000"
SECRET = "secret-stripe-webhook"


@pytest.fixture
def provider() -> StripeProvider:
    return StripeProvider(
        "stripe",
        Secrets(),
        api_key_name=f"{PREFIX}stripe-key",
        webhook_secret_name=f"{PREFIX}stripe-webhook",
        deployment="test",
        http_client=Wire,
    )


def signed(event: dict[str, Any], at: int | None = None) -> tuple[bytes, str]:
    body = json.dumps(event)
    return body.encode(), WebhookSignature.generate_signature_header(body, SECRET, at or int(time.time()))


@pytest.mark.parametrize("name", EVENTS)
def test_every_documented_event_is_verified_by_stripes_library_and_leads_to_its_order(
    provider: StripeProvider, name: str
) -> None:
    body, signature = signed(EVENTS[name])
    assert stripe.Webhook.construct_event(body, signature, SECRET).type == name
    event = provider.read_event(body, signature)
    assert event is not None and event.signature is Verdict.OK and event.type == name
    assert event.order_id == ORDER_ID or event.payment_id == "pi_3SXk2eLkdIwHu7ix0Y8tF2aB"
    if name.startswith("checkout.session"):
        assert event.order_id == ORDER_ID and event.session_id == "cs_test_a1B2c3"
        assert event.amount == Money(20 * 10**9, "USD")
    if name.startswith(("refund", "charge.dispute")):
        assert event.amount is None, "its amount may be a part of the order's"


def test_the_events_that_the_comparison_asks_for_are_those_that_tell_of_money_that_went_back() -> None:
    assert set(MONEY_BACK_EVENTS) == {name for name in EVENTS if not name.startswith("checkout.session")}


@pytest.mark.parametrize(
    ("status", "standing"),
    [
        ("pending", Standing.GONE),
        ("requires_action", Standing.GONE),
        ("succeeded", Standing.GONE),
        ("failed", Standing.BACK),
        ("canceled", Standing.BACK),
    ],
)
def test_every_status_of_a_refund_says_where_the_money_is(status: str, standing: Standing) -> None:
    refund = {**EVENTS["refund.updated"]["data"]["object"], "status": status}
    assert _refunded(refund).standing is standing


@pytest.mark.parametrize(
    ("status", "standing"),
    [
        ("warning_needs_response", Standing.ONLY_ASKED),
        ("warning_under_review", Standing.ONLY_ASKED),
        ("warning_closed", Standing.ONLY_ASKED),
        ("prevented", Standing.ONLY_ASKED),
        ("needs_response", Standing.GONE),
        ("under_review", Standing.GONE),
        ("won", Standing.BACK),
        ("lost", Standing.LOST),
    ],
)
def test_every_status_of_a_dispute_says_where_the_money_is(status: str, standing: Standing) -> None:
    dispute = {**EVENTS["charge.dispute.created"]["data"]["object"], "status": status}
    assert _disputed(dispute).standing is standing


@pytest.mark.parametrize(
    ("session", "intent", "status"),
    [
        ({"status": "open", "payment_status": "unpaid"}, None, PaymentStatus.OPEN),
        ({"status": "expired", "payment_status": "unpaid"}, None, PaymentStatus.EXPIRED),
        ({"status": "complete", "payment_status": "paid"}, "succeeded", PaymentStatus.PAID),
        ({"status": "complete", "payment_status": "unpaid"}, "processing", PaymentStatus.OPEN),
        ({"status": "complete", "payment_status": "unpaid"}, "requires_payment_method", PaymentStatus.FAILED),
        ({"status": "complete", "payment_status": "unpaid"}, "canceled", PaymentStatus.FAILED),
        ({"status": "complete", "payment_status": "no_payment_required", "amount_total": 0}, None, PaymentStatus.PAID),
    ],
)
def test_every_status_of_a_session_says_what_became_of_it(
    session: dict[str, Any], intent: str | None, status: PaymentStatus
) -> None:
    whole = {**EVENTS["checkout.session.completed"]["data"]["object"], **session}
    received = 2000 if status is PaymentStatus.PAID else 0
    made = {"id": "pi_1", "status": intent, "amount_received": received, "currency": "usd"} if intent else {}
    payment = _payment_of(whole, made, ())
    assert payment.status is status and payment.order_id == ORDER_ID
    assert payment.amount == Money(whole["amount_total"] * 10**7, "USD"), "a session without a price pays for nothing"
    assert status is not PaymentStatus.PAID or payment.payment_id


def test_stripes_own_units_are_kept_where_they_are_not_those_of_iso() -> None:
    for currency, minor, units in (("isk", 50_000, 500), ("ugx", 50_000, 500), ("mga", 500, 500), ("jpy", 500, 500)):
        refund = {**EVENTS["refund.updated"]["data"]["object"], "amount": minor, "currency": currency}
        assert _refunded(refund).amount == Money(units * 10**9, currency.upper())
    with pytest.raises(ProviderSilent):
        _refunded({**EVENTS["refund.updated"]["data"]["object"], "currency": "xyz"})


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, ProviderRefused), (402, ProviderRefused), (404, ProviderRefused)]
    + [(status, ProviderSilent) for status in (401, 403, 409, 429, 500, 502, 503)],
)
def test_only_an_answer_that_says_no_for_certain_is_a_refusal(shop: Shop, status: int, kind: type[Exception]) -> None:
    shop.wire.wrong.append(("get", "checkout/sessions/", status))
    with pytest.raises(kind):
        shop.work.provider.read_payment("cs_1")


def test_the_sdk_does_not_repeat_by_itself_and_gives_up_in_time(shop: Shop) -> None:
    shop.wire.wrong.append(("get", "checkout/sessions/", "before"))
    with pytest.raises(ProviderSilent):
        shop.work.provider.read_payment("cs_1")
    assert shop.wire.calls == ["get checkout/sessions/cs_1"]
    assert bounded_http_client()._timeout == (2.0, 8.0)  # type: ignore[attr-defined]


def test_a_page_is_opened_under_the_orders_id_in_the_wallets_currency_only(shop: Shop) -> None:
    order = shop.order()
    session = shop.bank.read(shop.session(order), "checkout.session")
    assert shop.bank.answers[order.order_id][1] == session["id"], "the order is the idempotency key"
    asked = shop.bank.answers[order.order_id][0]
    assert asked["mode"] == "payment" and asked["adaptive_pricing"] == {"enabled": "false"}
    assert asked["metadata"] == asked["payment_intent_data"]["metadata"]
    assert asked["line_items"][0]["price_data"]["product_data"]["name"] == "Official model Credit"
    assert asked["success_url"].startswith("https://forge.test/v1/checkout/return?order=" + order.order_id)


def test_the_sandbox_refuses_to_exist_outside_the_local_stage(moto: Engine) -> None:
    environment = {**moto.environment(), **ENVIRONMENT, "FORGE_PAYMENTS_SANDBOX_URL": "http://127.0.0.1:1"}
    for stage in ("dev", "prod"):
        with pytest.raises(ValueError, match="local"):
            Settings.from_environment({**environment, "FORGE_STAGE": stage})
    settings = Settings.from_environment({**environment, "FORGE_STAGE": "prod", "FORGE_PAYMENTS_SANDBOX_URL": ""})
    assert set(payment_providers(settings, Secrets(), Wire)) == {"stripe"}


@pytest.mark.parametrize("limits", ["", "USD", "USD 5", "USD 0 5", "USD 6 5", "USD 1.001 5", "XXX 1 5", "USD 5 9 9"])
def test_limits_that_are_none_stop_the_start(moto: Engine, limits: str) -> None:
    with pytest.raises(ValueError):
        Settings.from_environment({**moto.environment(), **ENVIRONMENT, "FORGE_ORDER_LIMITS": limits})
