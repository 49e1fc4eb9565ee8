"""Sends a chat stream to the client, notices when the client goes away, and always lets the stream settle."""

from __future__ import annotations

from contextlib import aclosing

import anyio
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from tokens_forge.gateway import StreamAnswer

_HEADERS = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache",
    "x-accel-buffering": "no",
}


class EventStream(Response):
    """An ASGI response around a stream that must be closed."""

    def __init__(self, answer: StreamAnswer) -> None:
        super().__init__(headers={**_HEADERS, **answer.headers})
        del self.headers["content-length"]
        self._stream = answer.stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send everything; settle in any case, also when the first byte cannot be sent."""
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_cancel_on_disconnect, receive, tasks.cancel_scope)
                await self._send_all(send)
                tasks.cancel_scope.cancel()
        except* (OSError, ClientDisconnect):
            pass  # the client is gone; there is nobody to tell
        finally:
            await self._stream.close()

    async def _send_all(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        async with aclosing(self._stream.events()) as events:
            async for event in events:
                await send({"type": "http.response.body", "body": event, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _cancel_on_disconnect(receive: Receive, scope: anyio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()
