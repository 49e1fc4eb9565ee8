"""POST /v1/chat/completions."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from functions.proxy.routes.inference import answer
from tokens_forge.requests.chat import parse_chat

router = APIRouter()


@router.post("/v1/chat/completions")
async def create_chat_completion(request: Request) -> Response:
    """Answer a chat completion, streamed or whole."""
    return await answer(request, parse_chat)
