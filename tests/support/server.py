"""An ASGI application under real uvicorn, for tests that need real HTTP: streaming, disconnects, official SDKs."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import uvicorn

from tests.support.processes import LOOPBACK

STOPS_WITHIN_S = 1  # requests that still run get this long


class PromptServer(uvicorn.Server):
    """uvicorn looks ten times a second whether it is to stop and whether it has; hundreds of tests would wait for that."""

    def stop(self) -> None:
        """Begin to stop; from any thread."""
        self.should_exit = True
        if self.started:
            self._loop.call_soon_threadsafe(self._stop.set)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn starts; what stops it must be there before `started` is."""
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        await super().startup(sockets)

    async def main_loop(self) -> None:
        """Until it is to stop."""
        await self.on_tick(0)
        await self._stop.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn stops, without its pauses."""
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        deadline_s = self._loop.time() + STOPS_WITHIN_S
        while (self.server_state.connections or self.server_state.tasks) and self._loop.time() < deadline_s:  # noqa: ASYNC110
            await asyncio.sleep(0.002)  # uvicorn has no event for it
        for task in self.server_state.tasks:
            task.cancel()
        await self.lifespan.shutdown()


@contextmanager
def serve(app: Any, *, lifespan: str = "off", stop_within_s: float = 10.0) -> Iterator[str]:
    """Give the base URL of `app` on a loopback port; afterwards stop it. Requests still running get a second to finish.

    Raises RuntimeError when the application does not start, or does not end: a request that hangs is a finding.
    """
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((LOOPBACK, 0))
        config = uvicorn.Config(
            app, lifespan="on" if lifespan == "on" else "off", log_level="warning", access_log=False
        )
        server = PromptServer(config)
        thread = threading.Thread(target=_run, args=(server, listener), name="uvicorn", daemon=True)
        thread.start()
        try:
            _wait_until_started(server, thread)
            yield f"http://{LOOPBACK}:{listener.getsockname()[1]}"
        finally:
            server.stop()
            thread.join(stop_within_s)
    if thread.is_alive():
        raise RuntimeError(f"the application did not end within {stop_within_s} s")


def _run(server: PromptServer, listener: socket.socket) -> None:
    # uvicorn leaves by sys.exit when the application does not start; here that is told by `started`.
    with suppress(SystemExit):
        server.run([listener])


def _wait_until_started(server: PromptServer, thread: threading.Thread, within_s: float = 10.0) -> None:
    deadline = time.monotonic() + within_s
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise RuntimeError("the application did not start; its log says why")
        time.sleep(0.001)
