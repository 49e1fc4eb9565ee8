"""What a new user and a strict reader found: each a fault that this gateway had once."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import httpx2 as httpx
import pytest

from tests.support.behaviour import Behaviour, garbage
from tests.support.deployment import Deployment, demo_channel, deploy
from tests.support.dynamodb_faults import Fault, FaultyDynamoDB
from tests.support.engines import Engine
from tests.support.http import Api, chat_body
from tests.support.server import serve
from tests.support.upstream import Upstream
from tokens_forge.keys import KeyKind
from tokens_forge.wallets import WalletKind

ANSWER = (
    '{"id":"x","choices":[{"index":0,"message":{"content":%s},"finish_reason":"stop"%s}],'
    '"usage":{"prompt_tokens":5,"completion_tokens":5}}'
)


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999"])
def test_an_answer_that_cannot_be_passed_on_is_not_charged(
    deployment: Deployment, base_url: str, upstream: Upstream, number: str
) -> None:
    upstream.script(garbage((ANSWER % ('"hi"', f',"logprobs":{number}')).encode()))
    response = Api(base_url, deployment.key()).chat()
    assert response.status_code == 503 and deployment.wallet().debits_total_nano == 0


def test_half_a_character_in_an_answer_is_passed_on_as_a_question_mark(
    deployment: Deployment, base_url: str, upstream: Upstream
) -> None:
    upstream.script(garbage((ANSWER % (r'"a\ud83db"', "")).encode()))
    response = Api(base_url, deployment.key()).chat()
    assert response.status_code == 200 and response.json()["choices"][0]["message"]["content"] == "a?b"
    assert deployment.wallet().debits_total_nano > 0


@pytest.mark.parametrize("known", ["max_tokens", "max_completion_tokens"])
@pytest.mark.parametrize("sent", ["max_tokens", "max_completion_tokens"])
def test_the_limit_that_was_held_for_is_sent_in_the_field_that_the_channel_knows(
    deployment: Deployment, base_url: str, upstream: Upstream, known: str, sent: str
) -> None:
    deployment.route(replace(demo_channel(upstream.base_url, "first"), output_limit_field=known))
    assert Api(base_url, deployment.key()).chat(**{sent: 7}).status_code == 200
    limits = {name: value for name, value in upstream.requests[0].json.items() if name.startswith("max_")}
    assert limits == {known: 7}


@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"gpt-4o-mini","messages":[{"role":"user","content":"hi"}],"temperature":1e999}',
        b'{"model":"gpt-4o-mini","messages":[{"role":"user","content":[{"type":["text"]}]}]}',
        b'{"model":"gpt-4o-mini","messages":[{"role":"user","content":[{"type":{}}]}]}',
        b'{"model":"gpt-4o-mini","messages":[{"role":"user","content":"hi"}],"tools":[{"type":["function"]}]}',
        b'{"model":"gpt-4o-mini","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"\\ud83d"}}]}]}',
    ],
)
def test_bodies_that_once_broke_the_gateway_are_the_callers_fault(
    deployment: Deployment, base_url: str, upstream: Upstream, body: bytes
) -> None:
    api = Api(base_url, deployment.key())
    response = api.post("/chat/completions", body)
    assert response.status_code == 400 and response.json()["error"]["forge"]["class"] == "request"
    assert upstream.requests == [] and api.get("/receipts").json()["data"] == []


def test_an_id_of_a_time_that_no_calendar_has_is_no_id(deployment: Deployment, base_url: str) -> None:
    api = Api(base_url, deployment.key())
    assert api.get(f"/receipts/req_7{'z' * 25}").status_code == 404


def test_a_null_error_in_a_chunk_is_no_error(deployment: Deployment, base_url: str, upstream: Upstream) -> None:
    chunk = {"error": None, "choices": [{"index": 0, "delta": {"content": "!"}}]}
    upstream.script(Behaviour(insert=f"data: {json.dumps(chunk)}\n\n".encode()))
    _, events = Api(base_url, deployment.key()).stream()
    assert events[-1] == "[DONE]"


def test_a_quote_says_what_stands_in_the_way_of_the_call(deployment: Deployment, base_url: str) -> None:
    limited = Api(base_url, deployment.key(spend_limit_nano=400_000))
    quoted, called = limited.post("/quotes", chat_body(max_tokens=5000)).json(), limited.chat(max_tokens=5000)
    assert not quoted["callable"] and called.status_code == 402
    assert quoted["error"] == called.json()["error"]
    assert quoted["error"]["forge"]["affordable_output_tokens"] == quoted["affordable_output_tokens"] > 100
    api = Api(base_url, deployment.key())
    deployment.ledger.freeze_wallet(deployment.account.account_id, WalletKind.OFFICIAL)
    quoted, called = api.post("/quotes", chat_body()).json(), api.chat()
    assert not quoted["callable"] and called.status_code == 403 and quoted["error"] == called.json()["error"]


def test_a_key_whose_limit_is_nearly_spent_gets_a_shorter_answer(
    deployment: Deployment, base_url: str, upstream: Upstream
) -> None:
    api = Api(base_url, deployment.key(spend_limit_nano=400_000))
    assert api.post("/quotes", chat_body()).json()["output_limited_by_balance"] is True
    assert api.chat().status_code == 200
    assert upstream.requests[0].json["max_completion_tokens"] < 1024


@pytest.mark.parametrize("path", ["/wallets", "/models", "/key", "/ledger", "/receipts"])
def test_a_database_that_does_not_answer_is_a_503_that_says_so(moto: Engine, upstream: Upstream, path: str) -> None:
    client = FaultyDynamoDB(moto.client())
    deployment = deploy(moto, upstream.base_url, client=client)
    token = deployment.key()
    with serve(deployment.app, lifespan="on") as url:
        client.then(Fault.NO_CONNECTION)
        response = Api(url + "/v1", token).get(path)
    assert response.status_code == 503 and response.json()["error"]["code"] == "gateway_busy"
    assert response.headers["retry-after"] == "1"


def test_a_path_with_a_slash_too_many_is_told_so_in_the_usual_shape(deployment: Deployment, base_url: str) -> None:
    response: Any = httpx.get(base_url + "/wallets/", headers=Api(base_url, deployment.key(KeyKind.MANAGE)).headers())
    assert response.status_code == 404 and response.json()["error"]["code"] == "not_found"
