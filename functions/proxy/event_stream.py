"""Sends a chat stream to the client, notices when the client goes away, and always lets the stream settle."""

from __future__ import annotations

from contextlib import aclosing

import anyio
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from tokens_forge.gateway import StreamAnswer

DRAIN_S = 5.0  # how long a provider is heard out for its usage after the client has gone
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
        self._client_is_there = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send everything; settle in any case, also when the first byte cannot be sent."""
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._watch_client, receive, tasks.cancel_scope)
                await self._send_all(send, tasks.cancel_scope)
                tasks.cancel_scope.cancel()
        finally:
            await self._stream.close()

    async def _send_all(self, send: Send, scope: anyio.CancelScope) -> None:
        async with aclosing(self._stream.events()) as events:
            await self._send(send, scope, {"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            async for event in events:
                await self._send(send, scope, {"type": "http.response.body", "body": event, "more_body": True})
        await self._send(send, scope, {"type": "http.response.body", "body": b"", "more_body": False})

    async def _send(self, send: Send, scope: anyio.CancelScope, message: Message) -> None:
        if self._client_is_there:
            try:
                await send(message)
            except OSError:
                self._client_left(scope)

    async def _watch_client(self, receive: Receive, scope: anyio.CancelScope) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._client_left(scope)

    def _client_left(self, scope: anyio.CancelScope) -> None:
        if self._client_is_there:
            self._client_is_there = False
            self._stream.client_left()
            scope.deadline = anyio.current_time() + DRAIN_S
