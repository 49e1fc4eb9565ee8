"""Anthropic's path as its clients see it: their key header, their version, their shape of an error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx2 as httpx
import pytest

from tests.support.behaviour import Behaviour, error
from tests.support.deployment import CREDENTIAL, Deployment
from tests.support.http import Api, documented
from tests.support.upstream import Upstream
from tests.support.ways import Way
from tokens_forge.endpoints import ANTHROPIC, OPENAI, Endpoint
from tokens_forge.keys import KeyKind

NATIVE = Way(Endpoint.MESSAGES, ANTHROPIC)
TRANSLATED = Way(Endpoint.MESSAGES, OPENAI)


@dataclass(frozen=True)
class AnthropicApi:
    """What Anthropic's official clients send."""

    base_url: str
    token: str

    def post(self, body: Any, **headers: str) -> httpx.Response:
        sent = {"x-api-key": self.token, "anthropic-version": "2023-06-01"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        return documented(httpx.post(self.base_url + "/messages", json=body, headers=sent, timeout=30))


def check(response: httpx.Response, status: int, error_type: str, code: str, error_class: str) -> dict[str, Any]:
    """The error has the shape of both families of clients."""
    assert response.status_code == status, response.text
    body = response.json()
    assert set(body) == {"type", "error"} and body["type"] == "error"
    problem: dict[str, Any] = body["error"]
    assert set(problem) == {"message", "type", "param", "code", "forge"}
    found = (problem["type"], problem["code"], problem["forge"]["class"])
    assert found == (error_type, code, error_class)
    return problem


def test_the_key_may_come_in_anthropics_header_on_any_path(
    deployment: Deployment, base_url: str, upstream: Upstream
) -> None:
    NATIVE.install(deployment, upstream.base_url)
    token = deployment.key()
    answer = AnthropicApi(base_url, token).post(NATIVE.body())
    assert answer.status_code == 200 and answer.json()["forge_receipt"]["wallet"] == "official"
    assert upstream.requests[0].headers["x-api-key"] == CREDENTIAL, "our own key goes nowhere"
    headers = {"x-api-key": token}
    assert httpx.get(base_url + "/key", headers=headers).status_code == 200
    listed = httpx.get(base_url + "/models", headers=headers).json()["data"]
    assert "messages" in next(model for model in listed if model["id"] == "gpt-4o-mini")["forge"]["endpoints"]
    both = {"x-api-key": token, "authorization": "Bearer tf_nonsense"}
    assert httpx.get(base_url + "/key", headers=both).status_code == 401, "the Authorization header counts"


def test_the_version_is_passed_on_and_a_beta_is_not(deployment: Deployment, base_url: str, upstream: Upstream) -> None:
    NATIVE.install(deployment, upstream.base_url)
    api = AnthropicApi(base_url, deployment.key())
    assert api.post(NATIVE.body(), anthropic_version="2024-10-22", anthropic_beta="x-2025").status_code == 200
    headers = upstream.requests[0].headers
    assert headers["anthropic-version"] == "2024-10-22" and "anthropic-beta" not in headers
    problem = check(
        api.post(NATIVE.body(), anthropic_version="latest"), 400, "invalid_request_error", "invalid_request", "request"
    )
    assert problem["param"] == "anthropic-version" and len(upstream.requests) == 1


def test_every_error_has_anthropics_shape(deployment: Deployment, base_url: str, upstream: Upstream) -> None:
    NATIVE.install(deployment, upstream.base_url)
    body, token = NATIVE.body(), deployment.key()
    api = AnthropicApi(base_url, token)
    check(
        AnthropicApi(base_url, "sk-ant-x").post(body), 401, "authentication_error", "invalid_api_key", "key_permission"
    )
    check(api.post({**body, "max_tokens": 0}), 400, "invalid_request_error", "invalid_request", "request")
    check(api.post({**body, "model": "none"}), 404, "not_found_error", "model_not_found", "model_availability")
    manager = AnthropicApi(base_url, deployment.key(KeyKind.MANAGE))
    check(manager.post(body), 403, "permission_error", "key_not_permitted", "key_permission")
    poor = AnthropicApi(base_url, deployment.other_account().key())
    problem = check(poor.post(body), 402, "billing_error", "insufficient_quota", "balance")
    assert problem["forge"]["wallet"] == "official"
    large = {**body, "padding": "x" * (6 * 1024 * 1024)}
    check(api.post(large), 413, "request_too_large", "request_too_large", "request")
    wrong_method = httpx.get(base_url + "/messages", headers={"x-api-key": token})
    check(wrong_method, 405, "invalid_request_error", "method_not_allowed", "request")
    unknown = httpx.post(base_url + "/messages/count_tokens", headers={"x-api-key": token})
    check(unknown, 404, "not_found_error", "not_found", "request")
    assert upstream.requests == []
    upstream.script(error(500))
    down = api.post(body)
    check(down, 503, "overloaded_error", "no_healthy_route", "provider_health")
    assert down.headers["retry-after"] == "2"


def test_what_an_anthropic_provider_says_of_a_bad_request_is_passed_on(
    deployment: Deployment, base_url: str, upstream: Upstream
) -> None:
    NATIVE.install(deployment, upstream.base_url)
    refusal = b'{"type": "error", "error": {"type": "invalid_request_error", "message": "too many blocks"}}'
    upstream.script(Behaviour(status=400, body=refusal, content_type="application/json"))
    problem = check(
        AnthropicApi(base_url, deployment.key()).post(NATIVE.body()),
        400,
        "invalid_request_error",
        "upstream_rejected",
        "request",
    )
    assert problem["message"] == "too many blocks"


@pytest.mark.parametrize("way", [NATIVE, TRANSLATED], ids=str)
def test_cache_tokens_are_charged_once_at_their_own_prices(
    deployment: Deployment, base_url: str, upstream: Upstream, way: Way
) -> None:
    way.install(deployment, upstream.base_url)
    native = {
        "input_tokens": 10,
        "cache_read_input_tokens": 60,
        "cache_creation_input_tokens": 30,
        "output_tokens": 5,
    }
    details = {"cached_tokens": 60, "cache_write_tokens": 30}
    translated = {"prompt_tokens": 100, "completion_tokens": 5, "prompt_tokens_details": details}
    upstream.script(Behaviour(usage=native if way is NATIVE else translated))
    api = Api(base_url, deployment.key())
    marked = [{"type": "text", "text": "Say hello.", "cache_control": {"type": "ephemeral"}}]
    response, _ = way.call(api, streamed=False, messages=[{"role": "user", "content": marked}])
    sent = upstream.requests[0].json["messages"][0]["content"]
    assert sent == (marked if way is NATIVE else [{"type": "text", "text": "Say hello."}])
    receipt = api.get(f"/receipts/{response.headers['x-forge-receipt-id']}").json()
    tokens = {name: receipt["tokens"][name] for name in ("input", "cached_input", "cache_write", "output")}
    assert tokens == {"input": 10, "cached_input": 60, "cache_write": 30, "output": 5}
    assert {name: response.json()["usage"][name] for name in native} == native


def test_a_conversation_that_only_anthropic_understands_is_not_sent_elsewhere(
    deployment: Deployment, base_url: str, upstream: Upstream
) -> None:
    TRANSLATED.install(deployment, upstream.base_url)
    api = AnthropicApi(base_url, deployment.key())
    response = api.post(TRANSLATED.body(top_k=5))
    problem = check(response, 400, "invalid_request_error", "invalid_request", "request")
    assert problem["param"] == "top_k" and upstream.requests == []
    assert Api(base_url, api.token).get("/receipts").json()["data"] == [], "nothing was held"


def test_what_cannot_be_translated_after_all_is_refused_without_a_charge(
    deployment: Deployment, base_url: str, upstream: Upstream
) -> None:
    TRANSLATED.install(deployment, upstream.base_url)
    api = AnthropicApi(base_url, deployment.key())
    response = api.post(TRANSLATED.body(messages=[{"role": "nobody", "content": "x"}]))
    problem = check(response, 400, "invalid_request_error", "invalid_request", "request")
    assert problem["param"] == "messages.0.role" and upstream.requests == []
    [receipt] = Api(base_url, api.token).get("/receipts").json()["data"]
    assert (receipt["settlement_reason"], receipt["charge"]) == ("upstream_rejected", "0.00")
    assert deployment.wallet().holds == {}


def test_the_same_body_under_another_version_is_another_request(
    deployment: Deployment, base_url: str, upstream: Upstream
) -> None:
    NATIVE.install(deployment, upstream.base_url)
    api, body = AnthropicApi(base_url, deployment.key()), NATIVE.body()
    old, new = "2023-06-01", "2024-10-22"
    first = api.post(body, anthropic_version=old, x_stainless_retry_count="0")
    other = api.post(body, anthropic_version=new, x_stainless_retry_count="1")
    assert first.status_code == other.status_code == 200 and "idempotent-replayed" not in other.headers
    assert [request.headers["anthropic-version"] for request in upstream.requests] == [old, new]
    again = api.post(body, anthropic_version=new, x_stainless_retry_count="2")
    assert again.content == other.content and again.headers["idempotent-replayed"] == "true"
    assert api.post(body, anthropic_version=old, idempotency_key="mine").status_code == 200
    refused = api.post(body, anthropic_version=new, idempotency_key="mine")
    check(refused, 422, "invalid_request_error", "idempotency_key_reused", "request")
    assert len(upstream.requests) == 3
