"""The same application behind the buffered door: API Gateway's event through Mangum, as Lambda would call it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from mangum import Mangum

from tests.support.deployment import Deployment
from tests.support.http import chat_body
from tokens_forge.receipts import recompute


@pytest.fixture
def handler(deployment: Deployment) -> Iterator[Mangum]:
    """The Lambda handler, with an event loop that ends with the test: in Lambda it lives as long as the process."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield Mangum(deployment.app, lifespan="off")
    loop.run_until_complete(deployment.services.close())
    loop.close()
    asyncio.set_event_loop(None)


def event(method: str, path: str, token: str | None, body: Any = None) -> dict[str, Any]:
    """A REST API proxy event (payload format 1.0), as the AWS documentation shows it."""
    headers = {"Host": "api.invalid", "Authorization": f"Bearer {token}"} if token else {"Host": "api.invalid"}
    return {
        "resource": "/{proxy+}",
        "path": path,
        "httpMethod": method,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {"resourcePath": "/{proxy+}", "httpMethod": method, "path": path, "stage": "dev",
                           "identity": {"sourceIp": "127.0.0.1"}, "requestId": "r"},
        "body": json.dumps(body) if body is not None else None,
        "isBase64Encoded": False,
    }  # fmt: skip


def test_every_buffered_route_answers_through_mangum(deployment: Deployment, handler: Mangum) -> None:
    token = deployment.key()

    def call(method: str, path: str, body: Any = None, key: str | None = token) -> tuple[int, Any]:
        answer = handler(event(method, path, key, body), None)  # type: ignore[arg-type]
        return answer["statusCode"], json.loads(answer["body"])

    assert call("GET", "/healthz", key=None) == (200, {"status": "ok"})
    for path in ("/v1/models", "/v1/models/gpt-4o", "/v1/wallets", "/v1/ledger", "/v1/receipts", "/v1/key"):
        status, _ = call("GET", path)
        assert status == 200, path
    assert call("POST", "/v1/quotes", chat_body())[1]["callable"] is True
    status, error = call("GET", "/v1/models", key=None)
    assert (status, error["error"]["code"]) == (401, "invalid_api_key")


def test_the_local_gateways_inference_route_answers_and_streams_into_a_buffer(
    deployment: Deployment, handler: Mangum
) -> None:
    """Only under `make run`: a deployment streams. The charge is the same."""
    token = deployment.key()
    whole = handler(event("POST", "/v1/chat/completions", token, chat_body()), None)  # type: ignore[arg-type]
    assert json.loads(whole["body"])["forge_receipt"]["wallet"] == "official"
    streamed = handler(event("POST", "/v1/chat/completions", token, chat_body(stream=True)), None)  # type: ignore[arg-type]
    assert streamed["statusCode"] == 200 and streamed["body"].endswith("data: [DONE]\n\n")
    [receipt] = json.loads(handler(event("GET", "/v1/receipts", token), None)["body"])["data"][:1]  # type: ignore[arg-type]
    assert recompute(receipt) == receipt["charge"] != "0.00"
    assert deployment.wallet().holds == {}
