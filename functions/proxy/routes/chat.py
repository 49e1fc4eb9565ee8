"""POST /v1/chat/completions."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from functions.proxy.event_stream import EventStream
from functions.proxy.services import services
from tokens_forge.chat_request import parse_chat, parse_json
from tokens_forge.gateway import StreamAnswer

router = APIRouter()


@router.post("/v1/chat/completions")
async def create_chat_completion(request: Request) -> Response:
    """Answer a chat completion, streamed or whole. The key is judged before the body is read into objects."""
    gateway = services(request).gateway
    authorization = request.headers.get("authorization")
    await gateway.identify(authorization)
    answer = await gateway.chat(authorization, parse_chat(parse_json(await request.body())))
    if isinstance(answer, StreamAnswer):
        return EventStream(answer)
    return JSONResponse(answer.body, headers=answer.headers)
