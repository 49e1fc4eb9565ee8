"""POST /v1/completions."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from functions.proxy.routes.inference import answer
from tokens_forge.requests.completions import parse_completions

router = APIRouter()


@router.post("/v1/completions")
async def create_completion(request: Request) -> Response:
    """Answer an older completion, streamed or whole."""
    return await answer(request, parse_completions)
