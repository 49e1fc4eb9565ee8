"""What really reaches the application: every request as it came, in front of whatever the application makes of it."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.types import Message, Receive, Scope, Send


@dataclass(slots=True)
class Arrived:
    """One request."""

    headers: Mapping[str, str]
    body: bytearray = field(default_factory=bytearray)


class Arrivals:
    """An ASGI application around another one, under uvicorn in a thread of its own."""

    def __init__(self, app: Any) -> None:
        self.requests: list[Arrived] = []
        self._app = app
        self._changed = threading.Condition()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        arrived = Arrived({name.decode(): value.decode() for name, value in scope["headers"]})
        with self._changed:
            self.requests.append(arrived)
            self._changed.notify_all()

        async def noted() -> Message:
            message = await receive()
            arrived.body += message.get("body", b"")
            return message

        await self._app(scope, noted, send)

    def wait_for(self, count: int, within_s: float = 10.0) -> None:
        """Wait until `count` requests have come in all. Raises TimeoutError."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.requests) >= count, within_s):
                raise TimeoutError(f"{len(self.requests)} of {count} requests came within {within_s} s")
