"""What every inference route does: judge the key, check the body, ask the gateway, shape the answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import Request
from starlette.responses import Response

from functions.proxy.event_stream import EventStream
from functions.proxy.services import services
from functions.web.authorization import authorization_of
from tokens_forge.errors import ForgeError, GatewayError
from tokens_forge.gateway import StreamAnswer
from tokens_forge.identity import wallet_named_by
from tokens_forge.requests.inference import InferenceRequest, parse_json
from tokens_forge.retries.claims import marks_of


async def answer(request: Request, parse: Callable[[dict[str, Any]], InferenceRequest]) -> Response:
    """Answer an inference request, streamed or whole. The key is judged before the body is read into objects.

    An error is counted for the wallet that the key names, and for the model if the request came that far.
    """
    served = services(request)
    deadline_ms = served.deadlines.of(request.scope)
    authorization = authorization_of(request)
    model: str | None = None
    try:
        await served.gateway.identify(authorization)
        body = await request.body()
        asked = parse(parse_json(body))
        marks = marks_of(request.scope["path"], request.headers, body, asked.passed_headers)
        model = asked.model
        answered = await served.inference.infer(authorization, asked, deadline_ms, marks)
    except ForgeError as error:
        await served.error_counts.note(wallet_named_by(authorization), model, error)
        raise
    except Exception:
        await served.error_counts.note(wallet_named_by(authorization), model, GatewayError("unexpected"))
        raise
    if isinstance(answered, StreamAnswer):
        return EventStream(answered)
    return Response(answered.body, media_type=answered.media_type, headers=dict(answered.headers))
