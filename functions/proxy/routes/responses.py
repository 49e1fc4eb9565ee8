"""POST /v1/responses."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from functions.proxy.routes.inference import answer
from tokens_forge.requests.responses import parse_responses

router = APIRouter()


@router.post("/v1/responses")
async def create_response(request: Request) -> Response:
    """Answer a request of the Responses API, streamed or whole."""
    return await answer(request, parse_responses)
