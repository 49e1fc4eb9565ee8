"""GET /openapi.json: the OpenAPI document of this API."""

from __future__ import annotations

import json
from functools import cache

from anyio import to_thread
from fastapi import APIRouter
from starlette.responses import Response

router = APIRouter()


@router.get("/openapi.json")
async def read_document() -> Response:
    """This document."""
    return Response(await to_thread.run_sync(_written), media_type="application/json")


@cache
def _written() -> bytes:
    """Built and loaded when somebody asks for it first: nobody else waits for that."""
    from functions.proxy.document import build

    return json.dumps(build()).encode()
