"""What real providers do wrong, over real sockets: a clear outcome, a receipt for each, nothing held afterwards."""

from __future__ import annotations

import math
import socket
import time
from decimal import Decimal
from typing import Any

import pytest

from tests.support.behaviour import (
    MISSING,
    Behaviour,
    Break,
    error,
    error_frame,
    garbage,
    gigantic_line,
    html,
    invalid_utf8,
    redirect,
    silent_output,
)
from tests.support.deployment import Deployment, demo_channel
from tests.support.http import Api, chat_body
from tests.support.upstream import Upstream
from tokens_forge.receipts import recompute
from tokens_forge.wallets import WalletKind


def receipt_of(deployment: Deployment, api: Api, response: Any) -> dict[str, Any]:
    """The receipt of an answer, after checking what holds for every request: no hold left, charge = arithmetic = balance."""
    receipt: dict[str, Any] = api.get(f"/receipts/{response.headers['x-forge-receipt-id']}").json()
    assert recompute(receipt) == receipt["charge"]
    wallet = deployment.wallet(WalletKind.OFFICIAL)
    assert wallet.holds == {} and wallet.held_nano == 0
    assert Decimal(10) - Decimal(wallet.available_nano) / 10**9 == Decimal(receipt["charge"])
    return receipt


BEFORE_THE_FIRST_BYTE = [
    (error(500), "http_500"),
    (error(429, retry_after="7"), "http_429"),
    (error(401), "http_401"),
    (error(404), "http_404"),
    (html(), "garbage"),
    (html(502), "http_502"),
    (redirect("http://127.0.0.1:9/elsewhere"), "http_307"),
    (Behaviour(break_at=Break.RESET_AT_ONCE), "broke"),
    (Behaviour(break_at=Break.CLOSE_AT_ONCE), "broke"),
    (Behaviour(break_at=Break.HANG_BEFORE_HEADERS), "timeout"),
    (Behaviour(break_at=Break.HANG_AFTER_HEADERS), "timeout"),
]


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(
    ("behaviour", "outcome"), BEFORE_THE_FIRST_BYTE, ids=[case[1] for case in BEFORE_THE_FIRST_BYTE]
)
def test_a_failure_before_the_first_byte_costs_nothing(
    deployment: Deployment,
    base_url: str,
    upstream: Upstream,
    behaviour: Behaviour,
    outcome: str,
    streamed: bool,
) -> None:
    upstream.script(behaviour)
    api = Api(base_url, deployment.key())
    response = api.stream()[0] if streamed else api.chat()
    assert response.status_code == 503
    problem = response.json()["error"]
    assert problem["code"] == "no_healthy_route" and problem["forge"]["class"] == "provider_health"
    assert int(response.headers["retry-after"]) == (7 if outcome == "http_429" else 2)
    assert upstream.unused == 0 and len(upstream.requests) == 1
    receipt = receipt_of(deployment, api, response)
    assert receipt["settlement_reason"] == "upstream_failed" and receipt["charge"] == "0.00"
    assert [attempt["outcome"] for attempt in receipt["attempts"]] == [outcome]


def test_a_refused_connection_and_a_failed_handshake_cost_nothing(
    deployment: Deployment, base_url: str, upstream: Upstream
) -> None:
    api = Api(base_url, deployment.key())
    with upstream.refusing():
        response = api.chat()
    assert response.status_code == 503
    assert receipt_of(deployment, api, response)["attempts"][0]["outcome"] == "refused"


def test_the_clients_own_fault_is_told_in_the_providers_words_and_costs_nothing(
    deployment: Deployment, base_url: str, upstream: Upstream
) -> None:
    upstream.script(error(400, "temperature is out of range", code="invalid_value"))
    api = Api(base_url, deployment.key())
    response = api.chat(temperature=9)
    assert response.status_code == 400
    problem = response.json()["error"]
    assert (problem["message"], problem["code"]) == ("temperature is out of range", "invalid_value")
    assert problem["forge"]["class"] == "request"
    assert receipt_of(deployment, api, response)["settlement_reason"] == "upstream_rejected"


@pytest.mark.parametrize(
    "body", [b'{"id": "chatcmpl-1", "choices": [{"index"', b"[]", b'{"choices": "none"}', b"\xff\xfe", b""]
)
def test_a_whole_answer_that_is_garbage_costs_nothing(
    deployment: Deployment, base_url: str, upstream: Upstream, body: bytes
) -> None:
    api = Api(base_url, deployment.key())
    upstream.script(garbage(body))
    response = api.chat()
    assert response.status_code == 503
    assert receipt_of(deployment, api, response)["attempts"][0]["outcome"] == "garbage"


@pytest.mark.parametrize(
    "behaviour",
    [
        Behaviour(break_at=Break.RESET_MID_STREAM),
        Behaviour(break_at=Break.CLOSE_MID_STREAM),
        Behaviour(break_at=Break.END_EARLY),
        Behaviour(break_at=Break.HANG_MID_STREAM),
        Behaviour(break_at=Break.HANG_MID_CHUNK),
        error_frame(),
        gigantic_line(),
        invalid_utf8(),
    ],
    ids=["reset", "close", "end", "hang", "hang-mid-chunk", "error-event", "gigantic-line", "invalid-utf8"],
)
def test_a_stream_that_breaks_in_the_middle_is_charged_for_what_came(
    deployment: Deployment, base_url: str, upstream: Upstream, behaviour: Behaviour
) -> None:
    upstream.script(behaviour)
    api = Api(base_url, deployment.key())
    response, events = api.stream(stream_options={"include_usage": True})
    assert response.status_code == 200
    assert events[-1]["error"]["forge"]["class"] == "provider_health", "ends with an error event and without [DONE]"
    seen = "".join(choice["delta"].get("content") or "" for event in events[:-1] for choice in event["choices"])
    receipt = receipt_of(deployment, api, response)
    assert receipt["settlement_reason"] == ("upstream_broke" if seen else "no_output")
    if seen:
        assert receipt["usage_source"] == "estimated"
        assert receipt["tokens"]["output"] == math.ceil(len(seen.encode()) / 4)
        assert receipt["tokens"]["input"] > 0
    else:
        assert receipt["charge"] == "0.00"


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(
    "usage",
    [
        MISSING,
        None,
        "lots",
        [],
        {},
        {"prompt_tokens": -5, "completion_tokens": 3},
        {"prompt_tokens": "5", "completion_tokens": "3"},
        {"prompt_tokens": 5.0, "completion_tokens": 3},
        {"prompt_tokens": 5, "completion_tokens": 10**18},
        {"prompt_tokens": None, "completion_tokens": None},
    ],
    ids=repr,
)
def test_usage_that_is_missing_or_cannot_be_true_is_estimated(
    deployment: Deployment, base_url: str, upstream: Upstream, usage: Any, streamed: bool
) -> None:
    upstream.script(Behaviour(text="twelve bytes", usage=usage, usage_in_stream=True))
    api = Api(base_url, deployment.key())
    response = api.stream()[0] if streamed else api.chat()
    assert response.status_code == 200
    receipt = receipt_of(deployment, api, response)
    assert (receipt["settlement_reason"], receipt["usage_source"]) == ("completed", "estimated")
    assert receipt["tokens"]["output"] == 3


@pytest.mark.parametrize("streamed", [False, True])
def test_usage_above_the_bound_is_charged_up_to_the_hold_only(
    deployment: Deployment, base_url: str, upstream: Upstream, streamed: bool
) -> None:
    upstream.script(Behaviour(usage={"prompt_tokens": 10**6, "completion_tokens": 10**8}, usage_in_stream=True))
    api = Api(base_url, deployment.key())
    response = api.stream()[0] if streamed else api.chat()
    receipt = receipt_of(deployment, api, response)
    assert receipt["charge"] == receipt["hold"]
    assert Decimal(receipt["uncharged"]) > 50


@pytest.mark.parametrize("streamed", [False, True])
def test_an_answer_without_output_costs_nothing(
    deployment: Deployment, base_url: str, upstream: Upstream, streamed: bool
) -> None:
    upstream.script(silent_output(prompt_tokens=9, completion_tokens=0, total_tokens=9))
    api = Api(base_url, deployment.key())
    response = api.stream()[0] if streamed else api.chat()
    receipt = receipt_of(deployment, api, response)
    assert (receipt["settlement_reason"], receipt["charge"]) == ("no_output", "0.00")


@pytest.mark.parametrize("markers", [0, 3])
def test_missing_and_repeated_end_marks_do_not_matter(
    deployment: Deployment, base_url: str, upstream: Upstream, markers: int
) -> None:
    upstream.script(Behaviour(done_markers=markers))
    api = Api(base_url, deployment.key())
    response, events = api.stream()
    assert events.count("[DONE]") == 1 and events[-1] == "[DONE]"
    assert receipt_of(deployment, api, response)["settlement_reason"] == "completed"


def test_a_backup_serves_at_the_quoted_price_and_is_named(
    deployment: Deployment, base_url: str, upstream: Upstream
) -> None:
    with Upstream() as second:
        deployment.route(demo_channel(upstream.base_url, "first"), demo_channel(second.base_url, "second"))
        api = Api(base_url, deployment.key())
        upstream.script(error(500))
        response = api.chat()
    assert response.status_code == 200
    assert response.headers["x-forge-route"] == "second" and response.headers["x-forge-backup-used"] == "true"
    receipt = receipt_of(deployment, api, response)
    assert [(a["channel"], a["outcome"]) for a in receipt["attempts"]] == [
        ("first", "http_500"),
        ("second", "ok"),
    ]
    assert receipt["backup_used"] is True and receipt["route"] == "second"
    assert Decimal(receipt["charge"]) <= Decimal(receipt["hold"])


def _leave_after(base_url: str, token: str, received_bytes: int) -> bytes:
    """A client that goes away in the middle of a stream. Returns what it saw."""
    import json

    host, port = base_url.removeprefix("http://").removesuffix("/v1").split(":")
    body = json.dumps(chat_body(stream=True)).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\ncontent-length: {len(body)}\r\n\r\n"
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(head.encode() + body)
        seen = b""
        while len(seen) < received_bytes:
            seen += connection.recv(4096)
    return seen


def _settled(deployment: Deployment, api: Api, within_s: float = 10.0) -> dict[str, Any]:
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        found = api.get("/receipts").json()["data"]
        if found:
            receipt: dict[str, Any] = found[0]
            return receipt
        time.sleep(0.05)
    raise AssertionError("the request was never settled")


def test_a_client_that_leaves_pays_what_the_provider_reports(
    deployment: Deployment, base_url: str, upstream: Upstream
) -> None:
    upstream.script(Behaviour(text="word " * 20, frame_delay_s=0.05))
    token = deployment.key()
    _leave_after(base_url, token, 600)
    receipt = _settled(deployment, Api(base_url, token))
    assert (receipt["settlement_reason"], receipt["usage_source"]) == ("client_left", "provider")
    assert recompute(receipt) == receipt["charge"] != "0.00"
    assert deployment.wallet(WalletKind.OFFICIAL).holds == {}


def test_a_client_that_leaves_a_provider_that_hangs_pays_an_estimate(
    deployment: Deployment, base_url: str, upstream: Upstream
) -> None:
    upstream.script(Behaviour(text="word " * 20, break_at=Break.HANG_MID_STREAM, after_frames=5))
    token = deployment.key()
    _leave_after(base_url, token, 600)
    receipt = _settled(deployment, Api(base_url, token))
    assert (receipt["settlement_reason"], receipt["usage_source"]) == ("client_left", "estimated")
    assert deployment.wallet(WalletKind.OFFICIAL).holds == {}
