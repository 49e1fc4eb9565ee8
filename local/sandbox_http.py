"""What every path of the sandbox upstream has in common: the key, the body, an error, an event of a stream."""

from __future__ import annotations

import json
import os
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from local.sandbox_answers import NOTICE

# Slow enough to see that it streams, fast enough not to wait for it.
CHUNK_DELAY_S = float(os.environ.get("FORGE_SANDBOX_CHUNK_DELAY_S", "0.01"))


class Refused(Exception):
    """The request is wrong."""

    def __init__(self, status: int, message: str, code: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


async def error_answer(_: Request, refused: Exception) -> Response:
    """The error in OpenAI's shape with Anthropic's around it."""
    assert isinstance(refused, Refused)
    error = {
        "message": f"{refused} ({NOTICE})",
        "type": "invalid_request_error",
        "param": None,
        "code": refused.code,
    }
    return JSONResponse({"type": "error", "error": error}, status_code=refused.status)


def require_key(request: Request) -> None:
    """Any key will do, in OpenAI's header or in Anthropic's. Raises Refused."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if not (scheme.lower() == "bearer" and key.strip()) and not request.headers.get("x-api-key"):
        raise Refused(401, "Send any key as Authorization: Bearer <key>, or as x-api-key.", "invalid_api_key")


async def json_body(request: Request) -> dict[str, Any]:
    """The body of an inference request. Raises Refused."""
    require_key(request)
    try:
        body = json.loads(await request.body())
    except ValueError:
        raise Refused(400, "The body is not JSON.", "invalid_json") from None
    if not isinstance(body, dict) or not isinstance(body.get("model"), str):
        raise Refused(400, "model must be a string", "invalid_request")
    return body


def data_event(data: dict[str, Any]) -> str:
    """An event without a name."""
    return f"data: {json.dumps(data)}\n\n"


def named_event(data: dict[str, Any]) -> str:
    """An event that is named after its type."""
    return f"event: {data['type']}\n{data_event(data)}"
