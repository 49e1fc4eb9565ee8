"""Sends a stream to the client, notices when the client goes away, keeps the time, and always lets the stream settle."""

from __future__ import annotations

import time
from contextlib import aclosing

import anyio
import anyio.lowlevel
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from tokens_forge.gateway import StreamAnswer

KEEP_ALIVE_S = 15.0  # gateways and proxies between us and the client cut a connection that is silent for long
_KEEP_ALIVE = b": the provider is silent, the connection is not\n\n"
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
        self._sent_at = 0.0
        self._scope = anyio.CancelScope()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send everything; settle in any case, also when the first byte cannot be sent."""
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._watch_client, receive)
                tasks.start_soon(self._keep_alive, send)
                await anyio.lowlevel.checkpoint()  # a client that left before its answer began is noticed first
                await self._send_all(send)
                tasks.cancel_scope.cancel()
        finally:
            await self._stream.close()

    async def _send_all(self, send: Send) -> None:
        await self._send(send, {"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        with self._scope:
            self._scope.deadline = min(self._scope.deadline, anyio.current_time() + self._stream.time_left_s())
            async with aclosing(self._stream.events()) as events:
                async for event in events:
                    await self._send_event(send, event)
        if self._scope.cancelled_caught:
            await self._send_event(send, await self._stream.cut_short())
        await self._send(send, {"type": "http.response.body", "body": b"", "more_body": False})

    async def _send_event(self, send: Send, event: bytes) -> None:
        self._sent_at = time.monotonic()
        await self._send(send, {"type": "http.response.body", "body": event, "more_body": True})

    async def _send(self, send: Send, message: Message) -> None:
        if self._client_is_there:
            try:
                await send(message)
            except OSError:
                self._client_left()

    async def _keep_alive(self, send: Send) -> None:
        """A comment whenever nothing was sent for a while. Each event is sent whole, so a comment never splits one."""
        self._sent_at = time.monotonic()
        while True:
            silent_s = time.monotonic() - self._sent_at
            if silent_s >= KEEP_ALIVE_S:
                await self._send_event(send, _KEEP_ALIVE)
            else:
                await anyio.sleep(KEEP_ALIVE_S - silent_s)

    async def _watch_client(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._client_left()

    def _client_left(self) -> None:
        if self._client_is_there:
            self._client_is_there = False
            heard_s = self._stream.client_left()
            self._scope.deadline = min(self._scope.deadline, anyio.current_time() + heard_s)
