"""Checkout behind API Gateway: Mangum hands over the very bytes that were signed, and buyers come back to the stage's address."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from mangum import Mangum
from stripe import WebhookSignature

from functions.checkout.app import create_app
from functions.checkout.compose import compose
from functions.checkout.settings import Settings
from tests.checkout.shop import ENVIRONMENT, Fronts, Shop
from tokens_forge.checkout.orders import OrderState
from tokens_forge.clock import SystemClock


@pytest.fixture(autouse=True)
def _loop() -> Iterator[None]:
    """Lambda's thread has a loop of its own for as long as it lives."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    asyncio.set_event_loop(None)
    loop.close()


def through_api_gateway(
    app: Any, method: str, path: str, body: bytes, headers: dict[str, str], *, encoded: bool
) -> dict[str, Any]:
    """One REST API event of the stage `dev`, as Lambda is given it."""
    headers = {"Host": "abc.execute-api.us-east-1.amazonaws.com", "X-Forwarded-Proto": "https", **headers}
    event = {
        "resource": "/v1/checkout/{path+}",
        "path": path,
        "httpMethod": method,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": {"path": path.removeprefix("/v1/checkout/")},
        "requestContext": {"path": f"/dev{path}", "stage": "dev", "identity": {"sourceIp": "192.0.2.1"}},
        "body": base64.b64encode(body).decode() if encoded else body.decode(),
        "isBase64Encoded": encoded,
    }
    answer: dict[str, Any] = Mangum(app, lifespan="off")(event, SimpleNamespace())
    return answer


@pytest.mark.parametrize("encoded", [False, True])
def test_a_signed_webhook_is_verified_by_the_bytes_that_came(shop: Shop, encoded: bool) -> None:
    order = shop.order()
    shop.pay(order)
    body = json.dumps(shop.events[0], ensure_ascii=False, indent=2) + "\n"
    signature = WebhookSignature.generate_signature_header(body, "secret-sandbox-webhook", int(time.time()))
    answer = through_api_gateway(
        create_app(shop.work.services),
        "POST",
        "/v1/checkout/webhooks/sandbox",
        body.encode(),
        {"Stripe-Signature": signature},
        encoded=encoded,
    )
    assert answer["statusCode"] == 200, answer
    assert shop.read(order.order_id).state is OrderState.CREDITED


@pytest.mark.parametrize("own", ["", "https://pay.example.com"])
def test_buyers_come_back_to_the_stages_address_or_to_the_deployments_own(shop: Shop, fronts: Fronts, own: str) -> None:
    environment = {
        **shop.deployment.engine.environment(),
        **ENVIRONMENT,
        "FORGE_PAYMENTS_SANDBOX_URL": fronts.sandbox_url,
        "FORGE_PUBLIC_URL": own,
    }
    work = compose(
        Settings.from_environment(environment),
        dynamodb=shop.deployment.client,
        credentials=shop.secrets,
        clock=SystemClock(),
    )
    answer = through_api_gateway(
        create_app(work.services),
        "POST",
        "/v1/checkout/orders",
        b'{"wallet": "official", "amount": "20"}',
        {"Authorization": f"Bearer {shop.deployment.key()}"},
        encoded=False,
    )
    assert answer["statusCode"] == 201, answer
    address = own or "https://abc.execute-api.us-east-1.amazonaws.com/dev"
    order = shop.read(json.loads(answer["body"])["id"])
    assert order.return_url == f"{address}/v1/checkout/return"
