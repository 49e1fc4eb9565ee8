"""The least that a process in Python can do for a stream: copy its bytes. `python -m bench.bare_relay PORT PROVIDER_URL`

What it costs is the price of the kernel and of asyncio, to be compared with `bench.streaming_app`.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from urllib.parse import urlsplit

from tests.support.processes import LOOPBACK


class Copy(asyncio.Protocol):
    """Writes what it receives to another connection, and ends that one when its own has ended."""

    def __init__(self, to: asyncio.BaseTransport | None = None) -> None:
        self.to = to

    def data_received(self, data: bytes) -> None:
        assert isinstance(self.to, asyncio.WriteTransport)
        self.to.write(data)

    def connection_lost(self, error: Exception | None) -> None:
        if self.to is not None:
            self.to.close()


class FromClient(Copy):
    """Calls the provider when the client's first bytes have come; answers `GET /measured` by itself."""

    def __init__(self, provider_port: int) -> None:
        super().__init__()
        self._provider_port = provider_port

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._client = transport

    def data_received(self, data: bytes) -> None:
        if data.startswith(b"GET /measured"):
            body = json.dumps({"cpu_ns": time.process_time_ns(), "authorization": ""}).encode()
            assert isinstance(self._client, asyncio.WriteTransport)
            self._client.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
        elif self.to is not None:
            super().data_received(data)
        else:
            self._calling = asyncio.ensure_future(self._call(data))

    async def _call(self, data: bytes) -> None:
        loop = asyncio.get_running_loop()
        self.to, _ = await loop.create_connection(lambda: Copy(self._client), LOOPBACK, self._provider_port)
        super().data_received(data)


async def relay(port: int, provider_port: int) -> None:
    """Serve for ever."""
    server = await asyncio.get_running_loop().create_server(lambda: FromClient(provider_port), LOOPBACK, port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(relay(int(sys.argv[1]), urlsplit(sys.argv[2]).port or 80))
