"""POST /v1/messages: Anthropic's Messages API."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from functions.proxy.routes.inference import answer
from tokens_forge.requests.inference import InferenceRequest
from tokens_forge.requests.messages import VERSION_HEADER, parse_messages, with_version

router = APIRouter()


@router.post("/v1/messages")
async def create_message(request: Request) -> Response:
    """Answer a message, streamed or whole."""

    def parse(fields: dict[str, Any]) -> InferenceRequest:
        return with_version(parse_messages(fields), request.headers.get(VERSION_HEADER))

    return await answer(request, parse)
