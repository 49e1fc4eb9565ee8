"""POST /v1/embeddings."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from functions.proxy.routes.inference import answer
from tokens_forge.requests.embeddings import parse_embeddings

router = APIRouter()


@router.post("/v1/embeddings")
async def create_embeddings(request: Request) -> Response:
    """Answer with vectors."""
    return await answer(request, parse_embeddings)
