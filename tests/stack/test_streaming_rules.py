"""Streams keep their connection, their deadlines and their memory, whatever the provider does."""

from __future__ import annotations

import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from functions.proxy import event_stream
from tests.support.behaviour import Behaviour, Break
from tests.support.deployment import Deployment, demo_channel, deploy
from tests.support.engines import Engine
from tests.support.http import Api
from tests.support.processes import LOOPBACK
from tests.support.server import serve
from tests.support.upstream import Upstream
from tokens_forge.wallets import WalletKind

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"


@contextmanager
def raw_provider(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """A provider that does with its connection whatever the test wants."""
    with socket.create_server((LOOPBACK, 0)) as server:

        def run() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                with suppress(OSError):  # the gateway hangs up: that is what most of these tests want
                    answer(connection)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield f"http://{LOOPBACK}:{server.getsockname()[1]}/v1"
    thread.join(10)
    assert not thread.is_alive(), "the gateway let go of the provider"


def receipt(api: Api, response: Any) -> dict[str, Any]:
    found: dict[str, Any] = api.get(f"/receipts/{response.headers['x-forge-receipt-id']}").json()
    return found


def ended(deployment: Deployment) -> bool:
    wallet = deployment.wallet(WalletKind.OFFICIAL)
    return wallet.holds == {} and wallet.held_nano == 0


def test_a_silent_provider_does_not_silence_the_connection(
    deployment: Deployment, base_url: str, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_stream, "KEEP_ALIVE_S", 0.2)
    upstream.script(Behaviour(text="one two", frame_delay_s=0.5))
    api = Api(base_url, deployment.key())
    response, events = api.stream()
    comments = [line for line in response.text.split("\n") if line.startswith(":")]
    assert len(comments) >= 2 and events[-1] == "[DONE]"


def test_a_stream_ends_at_its_deadline_with_an_error_event_and_a_charge_by_rule(
    moto: Engine, upstream: Upstream
) -> None:
    deployment = deploy(moto, upstream.base_url, time_limit_s=1.0)
    deployment.fund(WalletKind.OFFICIAL, "10")
    upstream.script(Behaviour(text="word " * 100, frame_delay_s=0.1))
    with serve(deployment.app, lifespan="on") as url:
        api = Api(url + "/v1", deployment.key())
        began = time.monotonic()
        response, events = api.stream()
        assert time.monotonic() - began < 2.5
        assert events[-1]["error"]["code"] == "stream_broken" and "[DONE]" not in events
        found = receipt(api, response)
    assert (found["settlement_reason"], found["usage_source"]) == ("deadline", "estimated")
    assert found["tokens"]["output"] > 0 and ended(deployment)
    assert upstream.requests[0].ended.wait(5), "the provider is let go"


@pytest.mark.parametrize("drip", [b":\n", b"data: x", b"\n"], ids=["comments", "one endless line", "empty lines"])
def test_a_provider_that_drips_bytes_for_ever_is_cut_at_the_first_byte_deadline(
    deployment: Deployment, base_url: str, drip: bytes
) -> None:
    def answer(connection: socket.socket) -> None:
        connection.sendall(HEAD)
        while True:
            connection.sendall(drip)
            time.sleep(0.05)

    with raw_provider(answer) as url:
        deployment.route(demo_channel(url, "dripping"))
        api = Api(base_url, deployment.key())
        began = time.monotonic()
        response, _ = api.stream()
        assert response.status_code == 503 and time.monotonic() - began < 3
    assert receipt(api, response)["attempts"][0]["outcome"] == "timeout" and ended(deployment)


def test_a_provider_that_drips_after_its_first_event_is_cut_at_the_total_deadline(moto: Engine) -> None:
    def answer(connection: socket.socket) -> None:
        connection.sendall(HEAD + b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":"hello"}}]}\n\n')
        while True:
            connection.sendall(b": still here\n\n")
            time.sleep(0.05)

    with raw_provider(answer) as provider:
        deployment = deploy(moto, provider, time_limit_s=1.5)
        deployment.fund(WalletKind.OFFICIAL, "10")
        with serve(deployment.app, lifespan="on") as url:
            api = Api(url + "/v1", deployment.key())
            began = time.monotonic()
            response, events = api.stream()
            assert time.monotonic() - began < 3.5
    assert events[-1]["error"]["code"] == "stream_broken"
    with serve(deployment.app, lifespan="off") as url:
        assert receipt(Api(url + "/v1", api.token), response)["settlement_reason"] == "deadline"
    assert ended(deployment)


@pytest.mark.parametrize("streamed", [False, True])
def test_an_endless_body_does_not_fill_the_memory(deployment: Deployment, base_url: str, streamed: bool) -> None:
    kind = b"text/event-stream" if streamed else b"application/json"

    def answer(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: " + kind + b"\r\n\r\ndata: ")
        while True:
            connection.sendall(b"x" * 65536)

    with raw_provider(answer) as url:
        deployment.route(demo_channel(url, "endless"))
        api = Api(base_url, deployment.key())
        tracemalloc.start()
        response = api.stream()[0] if streamed else api.chat()
        _, peak_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert response.status_code == 503 and peak_bytes < 100 * 1024 * 1024
    assert receipt(api, response)["attempts"][0]["outcome"] in ("too_large", "timeout") and ended(deployment)


def test_a_compressed_bomb_is_not_unpacked(deployment: Deployment, base_url: str) -> None:
    import gzip

    bomb = gzip.compress(b'{"choices": []' + b" " * 30_000_000 + b"}")

    def answer(connection: socket.socket) -> None:
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-encoding: gzip\r\n"
        connection.sendall(head + b"content-length: %d\r\n\r\n" % len(bomb) + bomb)

    with raw_provider(answer) as url:
        deployment.route(demo_channel(url, "bomb"))
        api = Api(base_url, deployment.key())
        response = api.chat()
    assert response.status_code == 503, "unpacked, it would be an answer"
    assert receipt(api, response)["attempts"][0]["outcome"] == "garbage"


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(
    ("url", "outcome"),
    [
        ("https://no-such-host.invalid/v1", "refused"),
        ("http://upstream.example/v1", "unsafe_url"),
        ("https://user:secret@127.0.0.1/v1", "unsafe_url"),
    ],
    ids=["dns", "plain http", "credential in the url"],
)
def test_an_address_that_cannot_be_called_is_a_clear_outcome(
    deployment: Deployment, base_url: str, url: str, outcome: str, streamed: bool
) -> None:
    deployment.route(demo_channel(url, "nowhere"))
    api = Api(base_url, deployment.key())
    response = api.stream()[0] if streamed else api.chat()
    assert response.status_code == 503 and receipt(api, response)["attempts"][0]["outcome"] == outcome
    assert ended(deployment)


def test_a_failed_tls_handshake_is_a_refusal(deployment: Deployment, base_url: str, upstream: Upstream) -> None:
    deployment.route(demo_channel(upstream.tls_base_url, "no-tls"))
    api = Api(base_url, deployment.key())
    response = api.chat()
    assert response.status_code == 503 and receipt(api, response)["attempts"][0]["outcome"] == "refused"


def test_a_redirect_is_not_followed_with_a_credential(
    deployment: Deployment, base_url: str, upstream: Upstream
) -> None:
    from tests.support.behaviour import redirect

    with Upstream() as elsewhere:
        upstream.script(redirect(elsewhere.base_url + "/chat/completions"))
        assert Api(base_url, deployment.key()).chat().status_code == 503
        assert elsewhere.requests == []


def test_a_wrong_content_type_is_garbage_for_a_stream(
    deployment: Deployment, base_url: str, upstream: Upstream
) -> None:
    upstream.script(Behaviour(content_type="text/html"))
    api = Api(base_url, deployment.key())
    response, _ = api.stream()
    assert response.status_code == 503 and receipt(api, response)["attempts"][0]["outcome"] == "garbage"


def test_a_provider_that_goes_silent_in_the_middle_is_cut_at_the_idle_deadline(
    deployment: Deployment, base_url: str, upstream: Upstream
) -> None:
    upstream.script(Behaviour(text="one two three", break_at=Break.HANG_MID_STREAM))
    api = Api(base_url, deployment.key())
    began = time.monotonic()
    response, events = api.stream()
    assert time.monotonic() - began < 4, "one second of silence is allowed in this deployment"
    assert (
        events[-1]["error"]["code"] == "stream_broken"
        and receipt(api, response)["settlement_reason"] == "upstream_broke"
    )


def test_a_finished_stream_leaves_its_connection_for_the_next_one(
    deployment: Deployment, base_url: str, upstream: Upstream
) -> None:
    api = Api(base_url, deployment.key())
    for _ in range(3):
        assert api.stream()[1][-1] == "[DONE]"
    assert upstream.connections == 1, "a new connection costs a handshake, and with a real provider a TLS one"


def test_a_provider_that_says_done_and_keeps_talking_is_let_go(
    deployment: Deployment,
) -> None:
    def answer(connection: socket.socket) -> None:
        chunk = b'{"choices":[{"index":0,"delta":{"content":"one"},"finish_reason":"stop"}],"usage":null}'
        connection.sendall(HEAD + b"data: " + chunk + b"\n\ndata: [DONE]\n\n")
        while True:
            connection.sendall(b": more\n\n")
            time.sleep(0.01)

    with raw_provider(answer) as url:
        deployment.route(demo_channel(url, "chatty"))
        with serve(deployment.app, lifespan="on") as base_url:
            assert Api(base_url + "/v1", deployment.key()).stream()[1][-1] == "[DONE]"
    assert ended(deployment)
