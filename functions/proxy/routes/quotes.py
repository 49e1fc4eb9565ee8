"""POST /v1/quotes: what a request will cost, from which wallet, by which route. It never charges."""

from __future__ import annotations

from typing import Any

from anyio import to_thread
from fastapi import APIRouter, Request

from functions.proxy.services import Caller, Served
from functions.proxy.views import route_view
from tokens_forge.endpoints import Endpoint
from tokens_forge.errors import ForgeError
from tokens_forge.holding import spendable_nano, standing_in_the_way
from tokens_forge.money import decimal
from tokens_forge.quotes import affordable_output_each, clamp
from tokens_forge.requests.inference import parse_json
from tokens_forge.requests.parsers import PARSERS
from tokens_forge.views import price_view, wallet_view

router = APIRouter()


@router.post("/v1/quotes")
async def create_quote(
    request: Request, caller: Caller, served: Served, endpoint: Endpoint = Endpoint.CHAT
) -> dict[str, Any]:
    """Take the body of an inference request and answer what it would cost. A refusal is part of the answer.

    The body alone does not say which endpoint it is for: `?endpoint=` does.
    """
    asked = PARSERS[endpoint](parse_json(await request.body()))
    kind = caller.wallet
    wallet = await to_thread.run_sync(served.ledger.read_wallet, caller.account_id, kind)
    answer: dict[str, Any] = {
        "object": "quote",
        "endpoint": endpoint.value,
        "model": asked.model,
        "wallet": kind.value,
        "wallet_label": kind.label,
        "balance": wallet_view(wallet) if wallet else None,
    }
    try:
        quoted = await served.gateway.quote(caller, asked)
    except ForgeError as error:
        return {**answer, "callable": False, **error.body()}
    available_nano = wallet.available_nano if wallet else 0
    spendable = spendable_nano(wallet, caller.key)
    clamped = None if quoted.max_charge_nano <= spendable else clamp(quoted, spendable)
    sent = clamped or quoted
    refusal = standing_in_the_way(wallet, sent, caller) if wallet else None
    return {
        **answer,
        "callable": wallet is not None and refusal is None,
        **(refusal.body() if refusal else {}),
        "currency": quoted.offer.price.currency,
        "price": price_view(quoted.offer.price),
        "route": route_view(quoted.offer, await served.health.read(kind)),
        "bound": {"input_tokens": sent.input_tokens_max, "output_tokens": sent.output_tokens_max},
        "output_limited_by_balance": clamped is not None,
        "affordable_output_tokens": max(affordable_output_each(quoted, spendable), 0),
        "max_charge": decimal(sent.max_charge_nano),
        "typical_charge": decimal(sent.typical_charge_nano()),
        "available_after_max_charge": decimal(available_nano - sent.max_charge_nano),
        "available_after_typical_charge": decimal(available_nano - sent.typical_charge_nano()),
    }
