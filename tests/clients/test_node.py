"""JavaScript clients over real HTTP: two major versions of the official one, and the Vercel AI SDK.

`npm ci` in tests/clients/node brings them (`make test-clients` does); where they are not, these tests do not run.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.behaviour import Behaviour, Break, error, error_frame
from tests.support.deployment import MODEL, Deployment
from tests.support.embeddings_wire import VECTOR
from tests.support.http import Api
from tests.support.upstream import Upstream

HERE = Path(__file__).with_name("node")
OFFICIAL = ("openai-6", "openai-7")
EVERY = (*OFFICIAL, "vercel")
GREETING = "Hello from the test provider."
WEATHER = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Oslo"}'}}

pytestmark = pytest.mark.clients

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(api: Api) -> Run:
    """Runs one case of one client."""

    def call(client: str, case: str, **environment: str) -> dict[str, Any]:
        done = subprocess.run(  # noqa: S603
            ["node", "clients.mjs", client, case],  # noqa: S607 - the node of this machine
            cwd=HERE,
            env={**os.environ, "OPENAI_BASE_URL": api.base_url, "OPENAI_API_KEY": str(api.token), **environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout))

    return call


@pytest.mark.parametrize("client", EVERY)
def test_an_answer_arrives_whole_and_is_charged(api: Api, run: Run, client: str) -> None:
    answer = run(client, "chat")
    assert answer["text"] == GREETING
    if client in OFFICIAL:
        assert api.explained(answer["receipt"])["wallet"] == "official"
    assert api.reasons() == ["completed"]


@pytest.mark.parametrize("client", EVERY)
def test_an_answer_arrives_as_a_stream_with_its_usage(api: Api, run: Run, client: str) -> None:
    answer = run(client, "stream")
    assert answer["text"] == GREETING and answer["usage"]
    if client in OFFICIAL:
        assert api.explained(answer["receipt"])["settlement_reason"] == "completed"
    assert api.reasons() == ["completed"]


@pytest.mark.parametrize("client", OFFICIAL)
def test_the_streaming_helper_puts_the_answer_together(run: Run, client: str) -> None:
    assert run(client, "helper")["text"] == GREETING


@pytest.mark.parametrize("case", ["tools", "tools-stream"])
@pytest.mark.parametrize("client", EVERY)
def test_a_tool_call_arrives(upstream: Upstream, run: Run, client: str, case: str) -> None:
    upstream.script(Behaviour(text="", tool_calls=(WEATHER,)))
    answer = run(client, case)
    assert (answer["name"], answer["given"]) == ("weather", {"city": "Oslo"})
    assert answer["finish"].replace("-", "_") == "tool_calls"


@pytest.mark.parametrize("client", EVERY)
def test_embeddings_arrive_whatever_encoding_the_provider_uses(
    api: Api, upstream: Upstream, run: Run, client: str
) -> None:
    upstream.script(Behaviour(floats_only=True))
    answer = run(client, "embeddings")
    assert [tuple(vector) for vector in answer["vectors"]] == [VECTOR, VECTOR]
    if client in OFFICIAL:
        assert upstream.requests[0].json["encoding_format"] == "base64", "the client asks for it by itself"
        assert answer["floats"] == answer["vectors"]
        assert api.explained(answer["receipt"])["endpoint"] == "embeddings"


@pytest.mark.parametrize("client", EVERY)
def test_a_response_arrives_whole(api: Api, run: Run, client: str) -> None:
    answer = run(client, "responses")
    assert answer["text"] == GREETING and answer["usage"]
    assert answer["status"] == ("completed" if client in OFFICIAL else "stop")
    if client in OFFICIAL:
        assert answer["usage"]["output_tokens_details"] == {"reasoning_tokens": 0}
        assert api.explained(answer["receipt"])["endpoint"] == "responses"
    assert api.reasons() == ["completed"]


@pytest.mark.parametrize("client", EVERY)
def test_a_response_arrives_as_a_stream(api: Api, run: Run, client: str) -> None:
    answer = run(client, "responses-stream")
    assert answer["text"] == GREETING and answer["usage"]
    if client in OFFICIAL:
        assert (answer["types"][0], answer["types"][-1]) == ("response.created", "response.completed")
        assert answer["usage"]["input_tokens_details"]["cached_tokens"] == 0
        assert api.explained(answer["receipt"])["settlement_reason"] == "completed"
    assert api.reasons() == ["completed"]


@pytest.mark.parametrize("client", EVERY)
def test_an_error_can_be_read(deployment: Deployment, upstream: Upstream, run: Run, client: str) -> None:
    problem = run(client, "error")
    assert (problem["status"], problem["code"]) == (404, "model_not_found")
    poor = run(client, "error", MODEL=MODEL, OPENAI_API_KEY=deployment.other_account().key())
    assert (poor["status"], poor["code"]) == (402, "insufficient_quota")
    if client in OFFICIAL:
        assert problem["kind"] == "NotFoundError" and problem["forge"]["class"] == "model_availability"
        assert poor["forge"]["class"] == "balance"
    assert upstream.requests == []


@pytest.mark.parametrize("client", EVERY)
def test_a_stream_that_breaks_is_an_error_in_the_program(api: Api, upstream: Upstream, run: Run, client: str) -> None:
    upstream.script(error_frame())
    assert run(client, "broken-stream")["code"] == "stream_broken"
    assert api.reasons() == ["upstream_broke"]


@pytest.mark.parametrize("client", EVERY)
def test_a_failure_is_tried_again_by_the_client_and_paid_once(
    api: Api, upstream: Upstream, run: Run, client: str
) -> None:
    upstream.script(error(500, retry_after="1"))
    assert run(client, "chat")["text"] == GREETING
    assert api.reasons() == ["upstream_failed", "completed"]


@pytest.mark.parametrize("client", OFFICIAL)
def test_a_timeout_is_retried_by_the_client_and_paid_once(api: Api, upstream: Upstream, run: Run, client: str) -> None:
    upstream.script(Behaviour(text="worth waiting for", delay_s=0.9))
    assert run(client, "chat", TIMEOUT_MS="500")["text"] == "worth waiting for"
    assert len(upstream.requests) == 1 and api.reasons() == ["completed"]


@pytest.mark.parametrize("client", OFFICIAL)
def test_what_the_client_does_by_itself(upstream: Upstream, run: Run, client: str) -> None:
    """As tests/clients/test_what_sdks_do.py does it: at a provider, without the gateway between."""
    upstream.script(Behaviour(break_at=Break.RESET_AT_ONCE))
    upstream.script(*(error(status, retry_after_ms="1") for status in (408, 409, 429, 500, 503)))
    upstream.script(error(400, retry_after_ms="1", x_should_retry="true"), error(402))
    assert run(client, "error", OPENAI_BASE_URL=upstream.base_url, MAX_RETRIES="9")["status"] == 402
    assert [request.headers["x-stainless-retry-count"] for request in upstream.requests] == list("01234567")
    assert len({request.body for request in upstream.requests}) == 1
    assert not any("idempotency" in name for request in upstream.requests for name in request.headers)
    upstream.script(error(500, x_should_retry="false"))
    assert run(client, "error", OPENAI_BASE_URL=upstream.base_url)["status"] == 500
    assert len(upstream.requests) == 9
