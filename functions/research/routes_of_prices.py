"""/v1/research/models and /v1/research/estimates: what a run can be made of, and its price before it begins. Nothing is charged."""

from __future__ import annotations

from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Query, Request

from functions.research.asked import estimate_asked
from functions.research.estimates import choices, estimate
from functions.research.presets import PRESETS
from functions.research.research_services import Served, Spender
from functions.research.views import choices_view, estimate_view
from functions.research.words import SourceName
from tokens_forge.errors import RequestError
from tokens_forge.holding import spendable_nano
from tokens_forge.wallets import Wallet

router = APIRouter()


@router.get("/v1/research/models")
async def list_models(
    caller: Spender, served: Served, preset: Annotated[str, Query(max_length=40)] = "standard"
) -> dict[str, Any]:
    """The quick and deep models that this key can use for a preset, and the reason for each that it cannot."""
    if preset not in PRESETS:
        raise RequestError(f"preset must be one of {', '.join(PRESETS)}.", param="preset")
    found = await choices(served.gateway, caller, PRESETS[preset].stages(list(SourceName)))
    return {"object": "research.models", "wallet": caller.wallet.value, **choices_view(preset, found)}


@router.post("/v1/research/estimates")
async def create_estimate(request: Request, caller: Spender, served: Served) -> dict[str, Any]:
    """The body of a run; the answer is its price, stage by stage."""
    asked, models = estimate_asked(await request.body(), served.clock.now_ms())
    estimated = await estimate(served.gateway, caller, asked, models)
    stored = await to_thread.run_sync(served.ledger.read_wallet, caller.account_id, caller.wallet)
    wallet = stored or Wallet(caller.account_id, caller.wallet, caller.currency)
    found = await choices(served.gateway, caller, PRESETS[asked.preset].stages(asked.sources))
    view = estimate_view(estimated, asked.to_json(), wallet, spendable_nano(wallet, caller.key))
    return {**view, "choices": choices_view(asked.preset, found)}
