"""The envelope of every answer: a request id, a limit on the body, an error shape for what nobody caught, and a log line.

Pure ASGI: a middleware that wraps the request in tasks of its own would hide a client's disconnect from the stream.
"""

from __future__ import annotations

import json
import logging
import re
import time
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from functions.web import error_shape
from tokens_forge.clock import SystemClock
from tokens_forge.errors import BodyTooLarge, ForgeError, GatewayError
from tokens_forge.ids import new_id
from tokens_forge.observability import request_line
from tokens_forge.observability.request_record import RequestRecord, failed, recording

BODY_BYTES_MAX = 6 * 1024 * 1024  # AWS Lambda's limit for a synchronous request

GATEWAY_ID_LETTERS_MAX = 64
_REQUEST_ID = re.compile(rb'"requestId"\s*:\s*"([0-9A-Za-z-]+)"')

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
        record = RequestRecord(
            new_id("rid", self._clock.now_ms()), scope["method"], gateway_request_id=_gateway_request_id(scope)
        )
        with recording(record):
            try:
                await self._serve(record, scope, receive, send)
            finally:
                _write(record, scope)

    async def _serve(self, record: RequestRecord, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = record.request_id
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
                record.status = message["status"]
                message["headers"] = [*message.get("headers", []), *stamps]
            elif record.first_byte_s is None:
                record.first_byte_s = time.perf_counter()
            if not message.get("more_body", message["type"] == "http.response.start"):
                _write(record, scope)  # before the answer ends: Lambda may stop this process in the moment it does
            await send(message)

        try:
            if _declared_length(scope) > BODY_BYTES_MAX:
                raise _too_large()
            await self._app(scope, counted_receive, stamped_send)
        except ForgeError as error:
            await _answer(error, scope, stamped_send)
        except Exception:
            log.exception("a request failed in the gateway", extra={"request_id": request_id})
            failed(GatewayError("The answer broke off."))
            if started:
                raise  # the server closes the connection: a half-sent answer must not look complete
            await _answer(GatewayError("The gateway failed. Please report the request id."), scope, stamped_send)


def _write(record: RequestRecord, scope: Scope) -> None:
    """Of the path only our own pattern: whatever else a client types there is not ours to keep."""
    record.path = getattr(scope.get("route"), "path", None)
    request_line.write(record)


def _gateway_request_id(scope: Scope) -> str | None:
    """API Gateway's id of this request, as Mangum or the Lambda Web Adapter passes it on."""
    event = scope.get("aws.event")
    if event is not None:
        found = event.get("requestContext", {}).get("requestId")
    else:
        context = next((value for name, value in scope["headers"] if name == b"x-amzn-request-context"), b"")
        match = _REQUEST_ID.search(context)
        found = match.group(1).decode() if match else None
    return found if isinstance(found, str) and len(found) <= GATEWAY_ID_LETTERS_MAX else None


async def _answer(error: ForgeError, scope: Scope, send: Send) -> None:
    failed(error)
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
