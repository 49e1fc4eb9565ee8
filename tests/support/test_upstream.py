"""The scripted provider, seen by a raw HTTP client and by the official SDK."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import openai
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
)
from tests.support.upstream import Upstream

_MESSAGES: list[Any] = [{"role": "user", "content": "one two three"}]


def _sdk(upstream: Upstream) -> openai.OpenAI:
    return openai.OpenAI(base_url=upstream.base_url, api_key="any", max_retries=0, timeout=5)


def _post(upstream: Upstream, *, timeout_s: float = 5, **body: Any) -> tuple[int, Any, bytes]:
    """Status, headers, body, or the exception of http.client and socket."""
    connection = http.client.HTTPConnection(urlsplit(upstream.base_url).netloc, timeout=timeout_s)
    try:
        content = json.dumps({"model": "gpt-test", "messages": _MESSAGES, **body})
        connection.request("POST", "/v1/chat/completions", content, {"content-type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def _stream_lines(upstream: Upstream, **more: Any) -> list[bytes]:
    _, _, body = _post(upstream, stream=True, **more)
    return [line for line in body.split(b"\n\n") if line]


def test_the_official_sdk_reads_a_plain_answer(upstream: Upstream) -> None:
    upstream.script(Behaviour(text="four five"))
    with _sdk(upstream) as client:
        answer = client.chat.completions.create(model="gpt-x", messages=_MESSAGES, n=2)
    assert [choice.message.content for choice in answer.choices] == ["four five", "four five"]
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (3, 4)
    assert answer.model == "gpt-x"
    received = upstream.requests[0]
    assert received.headers["authorization"] == "Bearer any"
    assert received.json["messages"] == _MESSAGES
    assert received.ended.wait(5)
    assert received.outcome == "answered"


def test_the_official_sdk_reads_a_stream_with_usage(upstream: Upstream) -> None:
    upstream.script(Behaviour(text="a b c", usage={"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}))
    with _sdk(upstream) as client:
        chunks = list(
            client.chat.completions.create(
                model="m", messages=_MESSAGES, stream=True, stream_options={"include_usage": True}
            )
        )
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == "a b c"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.prompt_tokens == 7
    assert len({chunk.id for chunk in chunks}) == 1


def test_tool_calls_arrive(upstream: Upstream) -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "add", "arguments": "{}"}}
    upstream.script(Behaviour(tool_calls=(call,)), Behaviour(tool_calls=(call,)))
    with _sdk(upstream) as client:
        plain = client.chat.completions.create(model="m", messages=_MESSAGES)
        chunks = list(client.chat.completions.create(model="m", messages=_MESSAGES, stream=True))
    assert plain.choices[0].finish_reason == "tool_calls"
    assert plain.choices[0].message.tool_calls is not None
    assert any(chunk.choices[0].delta.tool_calls for chunk in chunks)


@pytest.mark.parametrize("usage", [None, -5, "12", 1e300, {"prompt_tokens": "7"}, {"prompt_tokens": -1}, [], {}])
def test_absurd_usage_is_sent_as_it_is(upstream: Upstream, usage: Any) -> None:
    upstream.script(Behaviour(usage=usage))
    assert json.loads(_post(upstream)[2])["usage"] == usage
    upstream.script(Behaviour(usage=usage))
    lines = _stream_lines(upstream, stream_options={"include_usage": True})
    assert json.loads(lines[-2].removeprefix(b"data: "))["usage"] == usage


def test_usage_can_be_missing_or_uninvited(upstream: Upstream) -> None:
    upstream.script(Behaviour(usage=MISSING))
    assert "usage" not in json.loads(_post(upstream)[2])
    upstream.script(Behaviour(usage=MISSING))
    lines = _stream_lines(upstream, stream_options={"include_usage": True})
    assert not any(b'"usage"' in line or b'"choices": []' in line for line in lines)
    assert not any(b'"usage"' in line for line in _stream_lines(upstream))
    upstream.script(Behaviour(usage_in_stream=True))
    assert any(b'"usage"' in line for line in _stream_lines(upstream))


def test_done_can_be_missing_or_doubled(upstream: Upstream) -> None:
    upstream.script(Behaviour(done_markers=0), Behaviour(done_markers=2))
    assert [_stream_lines(upstream).count(b"data: [DONE]") for _ in range(3)] == [0, 2, 1]


def test_errors_pages_redirects_and_garbage(upstream: Upstream) -> None:
    upstream.script(error(429, retry_after="99999"), html(), redirect("http://elsewhere.invalid/"), garbage())
    status, headers, body = _post(upstream)
    assert (status, headers["retry-after"]) == (429, "99999")
    assert json.loads(body)["error"]["message"] == "scripted error"
    status, headers, _ = _post(upstream)
    assert (status, headers.get_content_type()) == (200, "text/html")
    status, headers, _ = _post(upstream)
    assert (status, headers["location"]) == (307, "http://elsewhere.invalid/")
    with pytest.raises(ValueError, match=r"delimiter|Expecting|double quotes"):
        json.loads(_post(upstream)[2])
    upstream.script(Behaviour(content_type="text/plain"))
    assert _post(upstream)[1].get_content_type() == "text/plain"


def test_streams_can_carry_bytes_that_no_client_expects(upstream: Upstream) -> None:
    upstream.script(invalid_utf8(), gigantic_line(3_000_000), error_frame())
    with pytest.raises(UnicodeDecodeError):
        b"".join(_stream_lines(upstream)).decode()
    assert max(map(len, _stream_lines(upstream))) > 3_000_000
    assert b'"error"' in _stream_lines(upstream)[-1]


@pytest.mark.parametrize(
    "at", [Break.HANG_BEFORE_HEADERS, Break.HANG_AFTER_HEADERS, Break.HANG_MID_STREAM, Break.HANG_MID_CHUNK]
)
@pytest.mark.parametrize("stream", [True, False])
def test_hangs_last_until_the_client_leaves(upstream: Upstream, at: Break, stream: bool) -> None:
    upstream.script(Behaviour(break_at=at))
    with pytest.raises(TimeoutError):
        _post(upstream, timeout_s=0.2, stream=stream)
    assert upstream.requests[0].ended.wait(5)
    assert upstream.requests[0].outcome == "client gone"


@pytest.mark.parametrize(
    ("at", "raised"),
    [
        (Break.RESET_AT_ONCE, ConnectionResetError),
        (Break.CLOSE_AT_ONCE, http.client.RemoteDisconnected),
        (Break.RESET_MID_STREAM, ConnectionResetError),
        (Break.CLOSE_MID_STREAM, http.client.IncompleteRead),
    ],
)
@pytest.mark.parametrize("stream", [True, False])
def test_connections_break_as_scripted(upstream: Upstream, at: Break, raised: Any, stream: bool) -> None:
    upstream.script(Behaviour(break_at=at))
    with pytest.raises(raised) as caught:
        _post(upstream, stream=stream)
    # RemoteDisconnected is a ConnectionResetError to Python, but a FIN on the wire.
    assert type(caught.value) is raised
    assert upstream.requests[0].ended.wait(5)
    assert upstream.requests[0].outcome == "broken"
    assert _post(upstream)[0] == 200  # and the next request is served


def test_what_was_sent_before_a_break_arrives(upstream: Upstream) -> None:
    upstream.script(Behaviour(text="a b c d", break_at=Break.CLOSE_MID_STREAM, after_frames=3))
    with pytest.raises(http.client.IncompleteRead) as caught:
        _post(upstream, stream=True)
    assert caught.value.partial.count(b"data: ") == 3


def test_a_hang_in_a_chunk_leaves_half_a_frame(upstream: Upstream) -> None:
    upstream.script(Behaviour(text="a b c d", break_at=Break.HANG_MID_CHUNK, after_frames=1))
    body = json.dumps({"model": "m", "messages": [], "stream": True}).encode()
    received = b""
    with socket.create_connection(("127.0.0.1", upstream.port), timeout=0.3) as connection:
        connection.sendall(b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
        with suppress(TimeoutError):
            while part := connection.recv(65536):
                received += part
    assert received.count(b"data: ") == 2
    assert received.count(b"\n\n\r\n") == 1


def test_a_stream_can_end_early_but_well_formed(upstream: Upstream) -> None:
    upstream.script(Behaviour(text="a b c d", break_at=Break.END_EARLY, after_frames=2))
    assert len(_stream_lines(upstream)) == 2


def test_refused_connections_and_failed_tls(upstream: Upstream) -> None:
    with upstream.refusing(), pytest.raises(ConnectionRefusedError):
        _post(upstream)
    assert _post(upstream)[0] == 200
    with pytest.raises(OSError, match=r"SSL|record layer|WRONG_VERSION") as caught:
        urllib.request.urlopen(upstream.tls_base_url, timeout=5)  # noqa: S310
    assert isinstance(getattr(caught.value, "reason", None), ssl.SSLError)


def test_a_gate_holds_fifty_requests_in_flight(upstream: Upstream) -> None:
    gate = threading.Event()
    upstream.default = Behaviour(gate=gate)
    with ThreadPoolExecutor(50) as pool:
        waiting = [pool.submit(_post, upstream) for _ in range(50)]
        upstream.wait_for(50)
        assert upstream.in_flight == 50
        assert not any(call.done() for call in waiting)
        gate.set()
        assert [call.result(10)[0] for call in waiting] == [200] * 50


def test_delays_are_kept(upstream: Upstream) -> None:
    upstream.script(Behaviour(text="a b", delay_s=0.1, frame_delay_s=0.02))
    started_s = time.monotonic()
    _post(upstream, stream=True)
    assert time.monotonic() - started_s >= 0.1 + 4 * 0.02


def test_a_script_is_kept_per_path_and_counts_what_is_left(upstream: Upstream) -> None:
    upstream.script(error(503), path="/models")
    upstream.script(error(500))
    assert upstream.unused == 2
    with _sdk(upstream) as client:
        with pytest.raises(openai.InternalServerError) as caught:
            client.models.list()
        assert caught.value.status_code == 503
        assert [model.id for model in client.models.list()] == ["gpt-test"]
    assert upstream.unused == 1
    with pytest.raises(TimeoutError):
        upstream.wait_for(3, within_s=0.05)


def test_a_test_may_end_while_a_request_hangs() -> None:
    with ThreadPoolExecutor(1) as pool:
        with Upstream(default=Behaviour(break_at=Break.HANG_BEFORE_HEADERS)) as upstream:
            call = pool.submit(_post, upstream)
            upstream.wait_for(1)
        assert isinstance(call.exception(5), (ConnectionError, http.client.HTTPException))
    assert upstream.requests[0].outcome == "stopped"
