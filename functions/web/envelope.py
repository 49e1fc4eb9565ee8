"""The envelope of every answer: a request id, a limit on the body, and an error shape for what nobody caught.

Pure ASGI: a middleware that wraps the request in tasks of its own would hide a client's disconnect from the stream.
"""

from __future__ import annotations

import json
import logging
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from functions.web import error_shape
from tokens_forge.clock import SystemClock
from tokens_forge.errors import BodyTooLarge, ForgeError, GatewayError
from tokens_forge.ids import new_id

BODY_BYTES_MAX = 6 * 1024 * 1024  # AWS Lambda's limit for a synchronous request

log = logging.getLogger("tokens_forge.web")


class Envelope:
    """Wraps the application."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._clock = SystemClock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = new_id("rid", self._clock.now_ms())
        stamps = [(b"x-request-id", request_id.encode())]
        if error_shape.is_anthropics(scope["path"]):
            stamps.append((b"request-id", request_id.encode()))  # where Anthropic's clients look for it
        started = False
        bytes_received = 0

        async def counted_receive() -> Message:
            nonlocal bytes_received
            message = await receive()
            bytes_received += len(message.get("body", b""))
            if bytes_received > BODY_BYTES_MAX:
                raise _too_large()
            return message

        async def stamped_send(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = [*message.get("headers", []), *stamps]
            await send(message)

        try:
            if _declared_length(scope) > BODY_BYTES_MAX:
                raise _too_large()
            await self._app(scope, counted_receive, stamped_send)
        except ForgeError as error:
            await _answer(error, scope, stamped_send)
        except Exception:
            log.exception("a request failed in the gateway", extra={"request_id": request_id})
            if started:
                raise  # the server closes the connection: a half-sent answer must not look complete
            await _answer(GatewayError("The gateway failed. Please report the request id."), scope, stamped_send)


async def _answer(error: ForgeError, scope: Scope, send: Send) -> None:
    body = json.dumps(error_shape.body(error, scope["path"])).encode()
    headers = {"content-type": "application/json", "content-length": str(len(body)), **error.headers}
    raw: list[tuple[bytes, bytes]] = [(name.encode(), value.encode()) for name, value in headers.items()]
    start: dict[str, Any] = {"type": "http.response.start", "status": error.status, "headers": raw}
    await send(start)
    await send({"type": "http.response.body", "body": body})


def _declared_length(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit() and len(value) < 20:
            return int(value)
    return 0


def _too_large() -> BodyTooLarge:
    return BodyTooLarge(f"A request body may have at most {BODY_BYTES_MAX} bytes.")
