"""Bad input: the documented error, the right class, nothing sent, nothing held, nothing charged."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import pytest

from tests.support.deployment import Deployment
from tests.support.http import Api, chat_body
from tests.support.upstream import Upstream
from tokens_forge.keys import KeyKind
from tokens_forge.wallets import WalletKind

# Anthropic's path has its own shape of errors: tests/stack/test_messages.py.
POSTED = ("/chat/completions", "/completions", "/embeddings", "/responses", "/quotes")


@pytest.fixture(autouse=True)
def _nothing_moved(deployment: Deployment, upstream: Upstream) -> Any:
    before = {kind: deployment.wallet(kind) for kind in WalletKind}
    yield
    for kind in WalletKind:
        after = deployment.wallet(kind)
        assert (after.available_nano, after.holds) == (before[kind].available_nano, {})
    assert upstream.requests == []


def check(response: Any, status: int, code: str, error_class: str, param: str | None = None) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    assert response.headers["x-request-id"].startswith("rid_")
    error: dict[str, Any] = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code", "forge"}
    assert (error["code"], error["forge"]["class"], error["param"]) == (code, error_class, param)
    return error


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"\xff", b'{"model": NaN}', b"[" * 50_000])
def test_malformed_json(deployment: Deployment, base_url: str, raw: bytes) -> None:
    check(Api(base_url, deployment.key()).post("/chat/completions", raw), 400, "invalid_request", "request")


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"messages": "hi"}, "messages"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"max_tokens": "lots"}, "max_tokens"),
        ({"n": 10**6}, "n"),
        ({"service_tier": "priority"}, "service_tier"),
    ],
)
def test_wrong_types_name_the_field(deployment: Deployment, base_url: str, fields: dict[str, Any], param: str) -> None:
    check(Api(base_url, deployment.key()).chat(**fields), 400, "invalid_request", "request", param)


def test_an_unknown_model(deployment: Deployment, base_url: str) -> None:
    api = Api(base_url, deployment.key())
    check(api.chat(model="gpt-99"), 404, "model_not_found", "model_availability")
    check(api.get("/models/gpt-99"), 404, "model_not_found", "model_availability")
    quote = api.post("/quotes", chat_body(model="gpt-99")).json()
    assert quote["callable"] is False and quote["error"]["forge"]["class"] == "model_availability"


def test_a_model_the_key_may_not_call(deployment: Deployment, base_url: str) -> None:
    api = Api(base_url, deployment.key(allowed_models=frozenset({"gpt-4o"})))
    check(api.chat(), 403, "model_not_allowed", "key_permission", "model")
    check(api.get("/models/gpt-4o-mini"), 403, "model_not_allowed", "key_permission", "model")
    assert [model["id"] for model in api.get("/models").json()["data"]] == ["gpt-4o"]


@pytest.mark.parametrize("token", [None, "", "sk-proj-abc", "tf_official_" + "0" * 20 + "_" + "0" * 40])
@pytest.mark.parametrize("path", ["/models", "/wallets", "/ledger", "/receipts", "/key", *POSTED])
def test_an_unknown_key(base_url: str, token: str | None, path: str) -> None:
    api = Api(base_url, token)
    response = api.post(path, chat_body()) if path in POSTED else api.get(path)
    check(response, 401, "invalid_api_key", "key_permission")


def test_a_wrong_secret_for_a_known_key(deployment: Deployment, base_url: str) -> None:
    token = deployment.key()
    assert Api(base_url, token).get("/key").status_code == 200
    wrong = token[:-1] + ("0" if token[-1] != "0" else "1")
    check(Api(base_url, wrong).chat(), 401, "invalid_api_key", "key_permission")
    relabelled = token.replace("tf_official_", "tf_routed_")
    check(Api(base_url, relabelled).chat(), 401, "invalid_api_key", "key_permission")


def test_a_revoked_key_stops_at_once_also_where_it_is_cached(deployment: Deployment, base_url: str) -> None:
    token = deployment.key()
    api = Api(base_url, token)
    assert api.get("/models").status_code == 200  # now it is in the cache
    deployment.revoke(token)
    check(api.chat(), 401, "invalid_api_key", "key_permission")


def test_another_key_of_the_wallet_goes_on_after_a_revocation(deployment: Deployment, base_url: str) -> None:
    stays, goes = deployment.key(), deployment.key()
    assert Api(base_url, stays).get("/models").status_code == 200
    deployment.revoke(goes)
    check(Api(base_url, stays).chat(model="gpt-99"), 404, "model_not_found", "model_availability")
    assert Api(base_url, stays).post("/quotes", chat_body()).json()["callable"] is True


def test_an_expired_key(deployment: Deployment, base_url: str) -> None:
    token = deployment.key(expires_at_ms=int(time.time() * 1000) - 1)
    check(Api(base_url, token).chat(), 401, "invalid_api_key", "key_permission")


def test_a_key_past_its_spend_limit(deployment: Deployment, base_url: str) -> None:
    api = Api(base_url, deployment.key(spend_limit_nano=10))
    error = check(api.chat(), 402, "insufficient_quota", "key_permission")
    assert error["forge"]["limit"] == "key_spend_limit" and error["forge"]["available"] == "0.00000001"
    assert api.get("/key").json()["spend_limit"] == {
        "currency": "USD",
        "limit": "0.00000001",
        "left": "0.00000001",
    }


def test_a_management_key_reads_and_never_spends(deployment: Deployment, base_url: str) -> None:
    api = Api(base_url, deployment.key(KeyKind.MANAGE))
    check(api.chat(), 403, "key_not_permitted", "key_permission")
    check(api.get("/ledger"), 400, "invalid_request", "request", "wallet")
    assert api.get("/ledger", wallet="routed").status_code == 200
    assert len(api.get("/wallets").json()["data"]) == 2


@pytest.mark.parametrize("declared", [True, False])
def test_a_body_over_the_limit(deployment: Deployment, base_url: str, declared: bool) -> None:
    import httpx2 as httpx

    raw = json.dumps(chat_body(padding="x" * (6 * 1024 * 1024))).encode()
    content: Any = raw if declared else (raw[start : start + 65536] for start in range(0, len(raw), 65536))
    headers = Api(base_url, deployment.key()).headers()
    response = httpx.post(base_url + "/chat/completions", content=content, headers=headers, timeout=30)
    check(response, 413, "request_too_large", "request")


def test_unknown_paths_methods_and_parameters(deployment: Deployment, base_url: str) -> None:
    api = Api(base_url, deployment.key())
    check(api.get("/nothing"), 404, "not_found", "request")
    check(api.get("/chat/completions"), 405, "method_not_allowed", "request")
    check(api.get("/ledger", limit=0), 400, "invalid_request", "request", "limit")
    check(api.get("/ledger", limit="many"), 400, "invalid_request", "request", "limit")
    check(api.get("/ledger", wallet="third"), 400, "invalid_request", "request", "wallet")
    check(api.get("/ledger", cursor="nonsense"), 400, "invalid_request", "request", "cursor")
    check(api.get("/receipts", cursor="%00"), 400, "invalid_request", "request", "cursor")
    # Well made, but by nobody here: a table key of more than 1,024 bytes would end as a fault of ours.
    forged = base64.urlsafe_b64encode(f"official|01m86yeefshgvfsxn5v0zx9a26.{'x' * 1_024}|0".encode()).decode()
    for path in ("/ledger", "/receipts"):
        check(api.get(path, cursor=forged), 400, "invalid_request", "request", "cursor")
    for receipt_id in (
        "req_x",
        "req_01m86yeefshgvfsxn5v0zx9a26",
        "ord_01m86yeefshgvfsxn5v0zx9a26",
    ):
        assert api.get(f"/receipts/{receipt_id}").status_code == 404


def test_nobody_reads_another_accounts_receipts(deployment: Deployment, base_url: str) -> None:
    stranger = deployment.other_account()
    found = Api(base_url, stranger.key()).get("/receipts")
    assert found.json()["data"] == []


def test_a_model_without_a_price_is_neither_listed_nor_called(deployment: Deployment, base_url: str) -> None:
    deployment.client.delete_item(
        TableName=deployment.settings.tables.official_catalog,
        Key={"section": {"S": "price"}, "item_id": {"S": "gpt-4o-mini#demo-1"}},
    )
    api = Api(base_url, deployment.key())
    listed = [model["id"] for model in api.get("/models").json()["data"]]
    assert "gpt-4o-mini" not in listed and "gpt-4o" in listed
    check(api.chat(), 404, "model_not_found", "pricing", "model")
    quote = api.post("/quotes", chat_body()).json()
    assert quote["callable"] is False and quote["error"]["forge"]["class"] == "pricing"


def test_a_frozen_wallet(deployment: Deployment, base_url: str) -> None:
    api = Api(base_url, deployment.key())
    where = {
        "TableName": deployment.settings.tables.wallets,
        "Key": {"account_id": {"S": deployment.account.account_id}, "kind": {"S": "official"}},
        "ExpressionAttributeNames": {"#status": "status"},
    }
    deployment.client.update_item(
        **where, UpdateExpression="SET #status = :s", ExpressionAttributeValues={":s": {"S": "frozen"}}
    )
    check(api.chat(), 403, "wallet_frozen", "balance")
