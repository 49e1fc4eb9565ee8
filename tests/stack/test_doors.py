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
from tests.support.upstream import Upstream
from tests.support.ways import STREAMED, Way
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


@pytest.mark.parametrize(
    ("way", "streamed"), STREAMED, ids=[f"{way}-{'stream' if streamed else 'whole'}" for way, streamed in STREAMED]
)
def test_the_local_gateways_inference_routes_answer_and_stream_into_a_buffer(
    deployment: Deployment, handler: Mangum, upstream: Upstream, way: Way, streamed: bool
) -> None:
    """Only under `make run`: a deployment streams. The charge is the same."""
    way.install(deployment, upstream.base_url)
    token = deployment.key()
    answer = handler(event("POST", way.endpoint.path, token, way.body(stream=streamed)), None)  # type: ignore[arg-type]
    assert answer["statusCode"] == 200 and "forge_receipt" in answer["body"]
    if not streamed:
        assert json.loads(answer["body"])["forge_receipt"]["wallet"] == "official"
    [receipt] = json.loads(handler(event("GET", "/v1/receipts", token), None)["body"])["data"][:1]  # type: ignore[arg-type]
    assert recompute(receipt) == receipt["charge"] != "0.00"
    assert deployment.wallet().holds == {}
