"""GET /v1/routes: the health of every route this key can use, and of each channel on it."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from functions.proxy.services import Caller, Served
from functions.proxy.views import route_health_view

router = APIRouter()


@router.get("/v1/routes")
async def list_routes(caller: Caller, served: Served) -> dict[str, Any]:
    """One route for each model that GET /v1/models lists."""
    offers = await served.gateway.offers(caller)
    health = await served.health.read(caller.wallet)
    return {"object": "list", "data": [route_health_view(offer, health) for offer in offers]}
