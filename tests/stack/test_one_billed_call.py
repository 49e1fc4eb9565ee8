"""One call, end to end, over real HTTP: the answer, the charge, the receipt, the statement, and the other wallet untouched."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.support.deployment import CREDENTIAL, Deployment
from tests.support.http import Api, chat_body
from tests.support.upstream import Upstream
from tokens_forge.keys import KeyKind
from tokens_forge.receipts import recompute
from tokens_forge.wallets import WalletKind

KINDS = [KeyKind.OFFICIAL, KeyKind.ROUTED]


def other(kind: WalletKind) -> WalletKind:
    return WalletKind.ROUTED if kind is WalletKind.OFFICIAL else WalletKind.OFFICIAL


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("streamed", [False, True])
def test_a_call_charges_its_one_wallet_and_its_receipt_explains_it(
    deployment: Deployment, base_url: str, kind: KeyKind, streamed: bool
) -> None:
    wallet = kind.wallet
    assert wallet is not None
    untouched = deployment.wallet(other(wallet))
    before = deployment.wallet(wallet)
    api = Api(base_url, deployment.key(kind))
    if streamed:
        response, events = api.stream(stream_options={"include_usage": True})
        summary: dict[str, Any] = events[-2]["forge_receipt"]
        assert events[-1] == "[DONE]"
    else:
        response = api.chat()
        summary = response.json()["forge_receipt"]
    assert response.status_code == 200, response.text

    receipt = api.get(f"/receipts/{response.headers['x-forge-receipt-id']}").json()
    label, currency = ("Official model Credit", "USD") if wallet is WalletKind.OFFICIAL else ("Routed balance", "CNY")
    assert (receipt["wallet"], receipt["wallet_label"], receipt["currency"]) == (
        wallet.value,
        label,
        currency,
    )
    assert response.headers["x-forge-wallet"] == wallet.value
    assert receipt["model"] == "gpt-4o-mini"
    assert receipt["route"] == response.headers["x-forge-route"] == receipt["attempts"][0]["channel"]
    assert receipt["backup_used"] is False and response.headers["x-forge-backup-used"] == "false"
    assert receipt["tokens"]["input"] > 0 and receipt["tokens"]["output"] > 0
    assert receipt["settlement_reason"] == "completed" and receipt["usage_source"] == "provider"
    assert {name: receipt[name] for name in summary} == summary

    assert recompute(receipt) == receipt["charge"]
    assert Decimal(0) < Decimal(receipt["charge"]) <= Decimal(receipt["hold"])
    after = deployment.wallet(wallet)
    assert Decimal(before.balance_nano - after.balance_nano) / 10**9 == Decimal(receipt["charge"])
    assert after.held_nano == 0
    assert deployment.wallet(other(wallet)) == untouched

    statement = api.get("/ledger").json()
    assert statement["data"][0]["entry_id"] == receipt["entry_id"]
    assert statement["data"][0]["amount"] == f"-{receipt['charge']}"
    assert statement["data"][0]["balance_after"] == statement["wallet"]["balance"]
    assert statement["exact"] is True
    if not streamed:
        assert response.headers["x-forge-charge"] == f"{receipt['charge']} {currency}"


def test_the_provider_gets_the_request_as_it_was_with_our_limit_and_our_credential(
    deployment: Deployment, base_url: str, upstream: Upstream
) -> None:
    tools = [{"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}]
    asked = {"temperature": 0.3, "tools": tools, "brand_new_field": {"kept": True}, "max_tokens": 77}
    assert Api(base_url, deployment.key()).chat(**asked).status_code == 200
    sent = upstream.requests[0]
    limit = asked.pop("max_tokens")
    assert {name: sent.json[name] for name in asked} == asked
    assert sent.json["max_completion_tokens"] == limit and "max_tokens" not in sent.json, "in the channel's own field"
    assert sent.json["model"] == "gpt-4o-mini"
    assert sent.headers["authorization"] == f"Bearer {CREDENTIAL}"
    assert Api(base_url, deployment.key()).stream()[0].status_code == 200
    assert upstream.requests[1].json["max_completion_tokens"] == 1024
    assert upstream.requests[1].json["stream_options"] == {"include_usage": True}


def test_a_stream_keeps_to_what_official_clients_can_read(deployment: Deployment, base_url: str) -> None:
    api = Api(base_url, deployment.key())
    _, events = api.stream()
    assert events[-1] == "[DONE]"
    chunks = events[:-1]
    assert all(chunk["choices"] for chunk in chunks), "no usage chunk without asking: programs index choices[0]"
    assert all("usage" not in chunk for chunk in chunks)
    assert len({(chunk["id"], chunk["created"], chunk["model"]) for chunk in chunks}) == 1
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
    _, with_usage = api.stream(stream_options={"include_usage": True})
    assert with_usage[-2]["choices"] == [] and with_usage[-2]["usage"]["total_tokens"] > 0


def test_an_empty_wallet_is_not_helped_by_the_other_one(
    deployment: Deployment, base_url: str, upstream: Upstream
) -> None:
    poor = deployment.other_account()
    poor.fund(WalletKind.ROUTED, "1000")
    routed = poor.wallet(WalletKind.ROUTED)
    api = Api(base_url, poor.key(KeyKind.OFFICIAL))
    for response in (api.chat(max_tokens=50), api.stream(max_tokens=50)[0], api.chat()):
        assert response.status_code == 402
        error = response.json()["error"]
        assert error["code"] == error["type"] == "insufficient_quota"
        assert error["forge"]["class"] == "balance" and error["forge"]["wallet"] == "official"
        assert error["forge"]["available"] == "0.00" and Decimal(error["forge"]["needed"]) > 0
        assert error["forge"]["currency"] == "USD"
    assert upstream.requests == []
    assert poor.wallet(WalletKind.ROUTED) == routed
    assert poor.wallet(WalletKind.OFFICIAL).holds == {}


def test_a_nearly_empty_wallet_gets_a_shorter_answer_or_the_affordable_number(
    deployment: Deployment, base_url: str, upstream: Upstream
) -> None:
    nearly = deployment.other_account()
    nearly.fund(WalletKind.OFFICIAL, "0.0002")
    api = Api(base_url, nearly.key(KeyKind.OFFICIAL))
    refused = api.chat(max_tokens=1000)
    assert refused.status_code == 402
    affordable = refused.json()["error"]["forge"]["affordable_output_tokens"]
    assert 16 < affordable < 1000
    quote = api.post("/quotes", chat_body()).json()
    assert quote["callable"] is True and quote["output_limited_by_balance"] is True
    assert api.chat(max_tokens=affordable).status_code == 200
    assert api.chat().status_code == 200
    assert 16 <= upstream.requests[-1].json["max_completion_tokens"] < 1024
