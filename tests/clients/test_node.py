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

from tests.support.behaviour import Behaviour
from tests.support.deployment import Deployment
from tests.support.http import Api
from tests.support.upstream import Upstream

HERE = Path(__file__).with_name("node")
OFFICIAL = ("openai-6", "openai-7")
EVERY = (*OFFICIAL, "vercel")
WEATHER = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Oslo"}'}}

pytestmark = pytest.mark.clients

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(deployment: Deployment, base_url: str) -> Run:
    """Runs one case of one client with a new key."""
    token = deployment.key()

    def call(client: str, case: str, **environment: str) -> dict[str, Any]:
        done = subprocess.run(  # noqa: S603
            ["node", "clients.mjs", client, case],  # noqa: S607 - the node of this machine
            cwd=HERE,
            env={**os.environ, "OPENAI_BASE_URL": base_url, "OPENAI_API_KEY": token, **environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout))

    return call


def receipts(deployment: Deployment, base_url: str) -> list[str]:
    api = Api(base_url, deployment.key())
    return [receipt["settlement_reason"] for receipt in api.get("/receipts").json()["data"]]


@pytest.mark.parametrize("client", EVERY)
def test_an_answer_arrives_whole_and_is_charged(deployment: Deployment, base_url: str, run: Run, client: str) -> None:
    answer = run(client, "chat")
    assert answer["text"] == "Hello from the test provider."
    if client in OFFICIAL:
        assert answer["receipt"]["wallet"] == "official" and answer["receipt"]["charge"] != "0.00"
    assert receipts(deployment, base_url) == ["completed"]


@pytest.mark.parametrize("client", EVERY)
def test_an_answer_arrives_as_a_stream_with_its_usage(
    deployment: Deployment, base_url: str, run: Run, client: str
) -> None:
    answer = run(client, "stream")
    assert answer["text"] == "Hello from the test provider." and answer["usage"]
    if client in OFFICIAL:
        assert answer["receipt"]["settlement_reason"] == "completed"
    assert receipts(deployment, base_url) == ["completed"]


@pytest.mark.parametrize("client", EVERY)
def test_a_tool_call_arrives(upstream: Upstream, run: Run, client: str) -> None:
    upstream.script(Behaviour(text="", tool_calls=(WEATHER,)))
    answer = run(client, "tools")
    assert (answer["name"], answer["given"]) == ("weather", {"city": "Oslo"})
    assert answer["finish"].replace("-", "_") == "tool_calls"


@pytest.mark.parametrize("client", EVERY)
def test_an_error_can_be_read(run: Run, client: str) -> None:
    problem = run(client, "error")
    assert (problem["status"], problem["code"]) == (404, "model_not_found")
    if client in OFFICIAL:
        assert problem["kind"] == "NotFoundError" and problem["forge"]["class"] == "model_availability"


@pytest.mark.parametrize("client", OFFICIAL)
def test_a_timeout_is_retried_by_the_client_and_paid_once(
    deployment: Deployment, base_url: str, upstream: Upstream, run: Run, client: str
) -> None:
    upstream.script(Behaviour(text="worth waiting for", delay_s=0.9))
    assert run(client, "chat", TIMEOUT_MS="500")["text"] == "worth waiting for"
    assert len(upstream.requests) == 1 and receipts(deployment, base_url) == ["completed"]
