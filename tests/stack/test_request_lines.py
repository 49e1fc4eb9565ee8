"""What a request leaves in the log: one line with who, what, how much and how long, and the metrics; no word of anybody's."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2 as httpx
import pytest

from tests.support.behaviour import Behaviour, Break, error, garbage
from tests.support.deployment import CREDENTIAL, MODEL, Deployment, deploy
from tests.support.dynamodb_faults import Fault, FaultyDynamoDB
from tests.support.engines import Engine
from tests.support.http import Api, chat_body
from tests.support.log_lines import LogLines, captured
from tests.support.server import serve
from tests.support.upstream import Upstream
from tests.support.ways import WAYS
from tokens_forge.errors import ErrorClass
from tokens_forge.keys import KeyKind
from tokens_forge.repetition import RetryRule
from tokens_forge.wallets import WalletKind

SECRET_WORDS = ("prompt-of-the-customer", "answer-of-the-provider", "word-of-an-exception", "typed-into-a-path")


@pytest.fixture
def lines() -> Iterator[LogLines]:
    with captured() as found:
        yield found


def only(lines: LogLines) -> dict[str, Any]:
    [line] = lines.requests()
    return line


@pytest.mark.parametrize("streamed", [False, True])
def test_one_line_says_who_asked_for_what_what_it_cost_and_how_long_it_took(
    deployment: Deployment, base_url: str, lines: LogLines, streamed: bool
) -> None:
    api = Api(base_url, deployment.key())
    response = api.stream()[0] if streamed else api.chat()
    line = only(lines)
    receipt = api.get(f"/receipts/{response.headers['x-forge-receipt-id']}").json()
    assert line["request_id"] == response.headers["x-request-id"]
    assert line["receipt_id"] == receipt["id"] and line["account_id"] == deployment.account.account_id
    assert line["key_id"] == receipt["key_id"] and line["wallet"] == receipt["wallet"] == "official"
    assert (line["model"], line["endpoint"], line["route"]) == (MODEL, "chat.completions", receipt["route"])
    assert (line["status"], line["stream"], line["reason"]) == (200, streamed, "completed")
    assert (line["charge"], line["currency"]) == (receipt["charge"], "USD")
    assert (line["tokens_input"], line["tokens_output"]) == (2, 5)
    assert line["revenue_USD"] == pytest.approx(float(receipt["charge"]))
    first = line["first_byte_ms" if streamed else "whole_answer_ms"]
    assert 0 < line["hold_ms"] < first and 0 < line["settle_ms"] < line["duration_ms"]
    assert 0 <= line["own_ms"] <= first and line["upstream_ms"] >= 0


def test_every_answer_has_exactly_one_line_whatever_it_is(
    deployment: Deployment, base_url: str, lines: LogLines
) -> None:
    api = Api(base_url, deployment.key())
    for path in ("/models", "/wallets", "/ledger", "/receipts", "/receipts/req_unknown", "/nowhere", "/key"):
        assert api.get(path).headers["x-request-id"] == lines.requests()[-1]["request_id"]
    assert [line.get("path") for line in lines.requests()] == [
        "/v1/models", "/v1/wallets", "/v1/ledger", "/v1/receipts", "/v1/receipts/{receipt_id}", None, "/v1/key",
    ]  # fmt: skip


def test_an_error_is_counted_under_its_class(
    deployment: Deployment, base_url: str, upstream: Upstream, lines: LogLines
) -> None:
    api = Api(base_url, deployment.key())
    upstream.script(error(500))
    api.chat()
    poor = Api(base_url, deployment.other_account().key())
    poor.chat()
    api.chat(model="unknown")
    api.chat(messages="no list")
    Api(base_url, "tf_official_wrong").chat()
    found = {(line["error"], line["error_class"], line["status"]) for line in lines.requests() if line["status"] != 200}
    assert found == {
        ("NoHealthyRoute", "provider_health", 503),
        ("InsufficientBalance", "balance", 402),
        ("ModelNotFound", "model_availability", 404),
        ("RequestError", "request", 400),
        ("InvalidKey", "key_permission", 401),
    }
    for line in lines.requests():
        counted = [name for name in line if name.startswith("errors_")]
        assert counted == [f"errors_{line['error_class']}"] and ErrorClass(line["error_class"])
    refused = next(line for line in lines.requests() if line["status"] == 402)
    assert (
        refused["wallet"] == "official"
        and refused["model"] == MODEL
        and refused["account_id"] != (deployment.account.account_id)
    )


def test_what_a_provider_counted_above_the_hold_is_counted_and_its_cost_too(
    deployment: Deployment, base_url: str, upstream: Upstream, lines: LogLines
) -> None:
    way = WAYS[0]
    way.install(deployment, upstream.base_url)
    upstream.script(Behaviour(usage=way.usage(10**8, 10**8), usage_in_stream=True))
    way.call(Api(base_url, deployment.key()), streamed=False)
    line = only(lines)
    assert line["uncharged_requests"] == 1 and line["uncharged_USD"] > 10


def test_a_request_that_the_store_did_not_let_settle_says_so(moto: Engine, upstream: Upstream, lines: LogLines) -> None:
    client = FaultyDynamoDB(moto.client())
    deployment = deploy(moto, upstream.base_url, client=client)
    deployment.fund(WalletKind.OFFICIAL, "10")
    client.then(*[Fault.NO_CONNECTION] * RetryRule().tries_max, on="transact_write_items")
    with serve(deployment.app, lifespan="on") as url:
        assert Api(url + "/v1", deployment.key()).chat().json()["forge_receipt"]["pending"] is True
    assert client.left == 0
    line = only(lines)
    assert line["settlements_pending"] == 1 and "charge" not in line
    [told] = [line for line in lines.all() if "outcome is kept" in line["message"]]
    assert told["receipt_id"] == line["receipt_id"] and told["exception"][0]["type"].endswith("StoreSilent")


def test_requests_side_by_side_keep_their_lines_apart(
    deployment: Deployment, base_url: str, upstream: Upstream, lines: LogLines
) -> None:
    """One event loop serves them all: what one request knows must never be said of another."""
    tokens = {kind: deployment.key(kind) for kind in (KeyKind.OFFICIAL, KeyKind.ROUTED)}

    def call(number: int) -> tuple[str, str]:
        kind = (KeyKind.OFFICIAL, KeyKind.ROUTED)[number % 2]
        response, _ = Api(base_url, tokens[kind]).stream()
        return response.headers["x-request-id"], response.headers["x-forge-receipt-id"]

    with ThreadPoolExecutor(8) as threads:
        answers = dict(threads.map(call, range(24)))
    found = {line["request_id"]: line for line in lines.requests()}
    assert {request_id: found[request_id]["receipt_id"] for request_id in answers} == answers
    for line in found.values():
        assert line["wallet"] == ("official" if line["currency"] == "USD" else "routed")
        assert line["key_id"].removeprefix("key_") in tokens[KeyKind(line["wallet"])]


def test_a_client_that_leaves_has_its_line_with_what_it_was_charged(
    deployment: Deployment, base_url: str, upstream: Upstream, lines: LogLines
) -> None:
    upstream.script(Behaviour(text="one two three " * 30, frame_delay_s=0.02))
    headers = {"authorization": f"Bearer {deployment.key()}"}
    with httpx.stream("POST", f"{base_url}/chat/completions", json=chat_body(stream=True), headers=headers) as response:
        next(response.iter_raw())
        receipt_id = response.headers["x-forge-receipt-id"]
    deadline_s = time.monotonic() + 10
    while not lines.requests() and time.monotonic() < deadline_s:
        time.sleep(0.02)
    line = only(lines)
    assert (line["receipt_id"], line["reason"]) == (receipt_id, "client_left")


def test_nothing_that_is_logged_holds_a_prompt_an_answer_a_key_or_a_credential(
    deployment: Deployment, base_url: str, upstream: Upstream, lines: LogLines, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompt, answer, exception, typed = SECRET_WORDS
    logging.getLogger("tokens_forge").setLevel(logging.DEBUG)
    token, management = deployment.key(), deployment.key(KeyKind.MANAGE)
    api = Api(base_url, token)
    for way in WAYS:
        way.install(deployment, upstream.base_url)
        for streamed in (False, True) if way.streams else (False,):
            for behaviour in (
                Behaviour(text=answer),
                error(400, f"cannot read {prompt}", code=prompt),
                error(500, answer),
                garbage(answer.encode()),
                Behaviour(text=answer * 20, break_at=Break.CLOSE_MID_STREAM, after_frames=4),
            ):
                upstream.script(behaviour)
                body = json.loads(json.dumps(way.body(stream=streamed)).replace("Say hello.", prompt))
                api.post(way.path, body)
        api.post(way.path, {**body, "model": prompt})
        api.post(way.path, {**body, "temperature": {"bad": prompt}})
        api.post(way.path, f'{{"{prompt}'.encode())
    api.get(f"/{typed}", key=token)
    api.get(f"/receipts/{typed}")
    api.get("/ledger", wallet=typed)
    made = Api(base_url, management).post("/keys", {"wallet": "official", "name": prompt})
    Api(base_url, prompt).chat()

    def fails(*_: Any) -> None:
        raise ValueError(f"{exception} {prompt}")

    monkeypatch.setattr("tokens_forge.gateway.quote", fails)
    assert api.chat().status_code == 500
    deployment.look()
    deployment.scheduled().reconciliation.run()

    assert len(lines.requests()) > 90
    [failure] = [line for line in lines.all() if "exception" in line and "a request failed" in line["message"]]
    assert failure["exception"][0]["type"] == "builtins.ValueError" and "test_request_lines" in str(failure)
    secrets = [token, management, token[-20:], management[-20:], CREDENTIAL]
    secrets.append(made.json()["token"])
    assert [word for word in (*SECRET_WORDS, *secrets) if word in lines.text] == []
