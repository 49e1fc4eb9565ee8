"""uvicorn as `make run` starts it: told to stop, it ends the requests that still run, and waits until each has settled."""

from __future__ import annotations

import asyncio
import socket
import sys

import uvicorn

from local.settings import HOST

# What still runs when the server is told to stop gets this long. A stream is then ended, and settled without a charge.
GRACE_S = 1
SETTLE_S = 5.0


def command(application: str, port: int) -> list[str]:
    """The command line of a process that serves `module:app`."""
    return [sys.executable, "-m", "local.server", application, str(port)]


class Server(uvicorn.Server):
    """uvicorn by itself cancels what still runs and ends its process in the same moment: nothing would be settled."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn shuts down; then wait for what was cancelled."""
        await super().shutdown(sockets)
        if self.server_state.tasks:
            await asyncio.wait(self.server_state.tasks, timeout=SETTLE_S)


if __name__ == "__main__":
    config = uvicorn.Config(
        sys.argv[1], host=HOST, port=int(sys.argv[2]), lifespan="off", timeout_graceful_shutdown=GRACE_S
    )
    Server(config).run()
