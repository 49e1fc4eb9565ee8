"""A gateway that is told to stop, as `make stop` tells it, leaves no stream half way: each ends soon, and settled."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2 as httpx
import pytest
import uvicorn

from local import server
from tests.support.behaviour import Behaviour
from tests.support.deployment import Deployment
from tests.support.http import Api, chat_body
from tests.support.processes import LOOPBACK, free_port, running
from tests.support.upstream import Upstream
from tokens_forge.keys import KeyKind

SLOW = Behaviour(text="word " * 60, frame_delay_s=0.1)
# An application that streams for ever, and needs a moment at the end of a request.
APPLICATION = """
import asyncio
from pathlib import Path

async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    try:
        while True:
            await send({"type": "http.response.body", "body": b"more", "more_body": True})
            await asyncio.sleep(0.05)
    finally:
        await asyncio.sleep(0.3)
        Path(__file__).with_name("settled").touch()
"""


def test_an_open_stream_ends_at_once_and_settled(deployment: Deployment, upstream: Upstream) -> None:
    upstream.script(SLOW)
    before = deployment.wallet()
    with serving(deployment) as (api, process), httpx.Client(timeout=30) as client:
        request = client.build_request(
            "POST", f"{api.base_url}/chat/completions", headers=api.headers(), json=chat_body(stream=True)
        )
        response = client.send(request, stream=True)
        arriving = response.iter_raw()
        assert next(arriving) and deployment.wallet().holds
        process.should_exit, told_at = True, time.monotonic()
        with pytest.raises(httpx.RemoteProtocolError):
            list(arriving)
        assert time.monotonic() - told_at < server.GRACE_S + 1
    assert deployment.wallet() == before, "nothing is charged, and nothing is held"
    with serving(deployment) as (api, _):
        receipt = api.get(f"/receipts/{response.headers['x-forge-receipt-id']}").json()
    assert (receipt["settlement_reason"], receipt["charge"]) == ("gateway_failed", "0.00")


def test_a_process_that_gets_sigterm_lets_its_requests_end(tmp_path: Path) -> None:
    (tmp_path / "streaming.py").write_text(APPLICATION)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(Path.cwd())])}
    with (
        running(
            lambda port: server.command("streaming:app", port),
            environment=lambda port: environment,
            ready=lambda port: True,
            folder=tmp_path,
        ) as port,
        httpx.stream("GET", f"http://{LOOPBACK}:{port}/") as response,
    ):
        next(response.iter_raw())
    assert (tmp_path / "settled").exists()


@contextmanager
def serving(deployment: Deployment) -> Iterator[tuple[Api, server.Server]]:
    """The product under the server of `make run`, and a key of its account."""
    port = free_port()
    started = server.Server(
        uvicorn.Config(deployment.app, port=port, log_level="critical", timeout_graceful_shutdown=server.GRACE_S)
    )
    thread = threading.Thread(target=started.run, name="server", daemon=True)
    thread.start()
    while not started.started:
        time.sleep(0.01)
    try:
        yield Api(f"http://{LOOPBACK}:{port}/v1", deployment.key(KeyKind.OFFICIAL)), started
    finally:
        started.should_exit = True
        thread.join(30)
        assert not thread.is_alive()
