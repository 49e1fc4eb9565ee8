"""GET /v1/models and GET /v1/models/{id}: exactly what this key can call."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from functions.proxy.services import Caller, Served
from functions.proxy.views import model_view

router = APIRouter()


@router.get("/v1/models")
async def list_models(caller: Caller, served: Served) -> dict[str, Any]:
    """Every model this key can call, with wallet, price and route."""
    offers = await served.gateway.offers(caller)
    health = await served.health.read(caller.wallet)
    return {"object": "list", "data": [model_view(offer, health) for offer in offers]}


@router.get("/v1/models/{model_id:path}")
async def read_model(model_id: str, caller: Caller, served: Served) -> dict[str, Any]:
    """One model, or the error that a call of it would give."""
    offer = await served.gateway.offer(caller, model_id)
    return model_view(offer, await served.health.read(caller.wallet))
