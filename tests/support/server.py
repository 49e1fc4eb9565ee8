"""An ASGI application under real uvicorn, for tests that need real HTTP: streaming, disconnects, official SDKs."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import uvicorn

from tests.support.processes import LOOPBACK


@contextmanager
def serve(app: Any, *, lifespan: str = "off", stop_within_s: float = 10.0) -> Iterator[str]:
    """Give the base URL of `app` on a loopback port; afterwards stop it. Requests still running get a second to finish.

    Raises RuntimeError when the application does not start, or does not end: a request that hangs is a finding.
    """
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((LOOPBACK, 0))
        config = uvicorn.Config(
            app,
            lifespan="on" if lifespan == "on" else "off",
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=1,
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=_run, args=(server, listener), name="uvicorn", daemon=True)
        thread.start()
        try:
            _wait_until_started(server, thread)
            yield f"http://{LOOPBACK}:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(stop_within_s)
    if thread.is_alive():
        raise RuntimeError(f"the application did not end within {stop_within_s} s")


def _run(server: uvicorn.Server, listener: socket.socket) -> None:
    # uvicorn leaves by sys.exit when the application does not start; here that is told by `started`.
    with suppress(SystemExit):
        server.run([listener])


def _wait_until_started(server: uvicorn.Server, thread: threading.Thread, within_s: float = 10.0) -> None:
    deadline = time.monotonic() + within_s
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise RuntimeError("the application did not start; its log says why")
        time.sleep(0.005)
