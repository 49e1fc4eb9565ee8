"""GET /v1/key: what this key is and may do."""

from __future__ import annotations

from typing import Any

from anyio import to_thread
from fastapi import APIRouter

from functions.proxy.services import Caller, Served
from tokens_forge.ids import iso_of
from tokens_forge.money import decimal

router = APIRouter()


@router.get("/v1/key")
async def read_key(caller: Caller, served: Served) -> dict[str, Any]:
    """The calling key: its one wallet, its limits, what is left of them. Never its secret."""
    key, kind = caller.key, caller.key.kind.wallet
    view: dict[str, Any] = {
        "object": "key",
        "id": key.key_id,
        "name": key.name,
        "kind": key.kind.value,
        "account_id": key.account_id,
        "wallet": kind.value if kind else None,
        "wallet_label": kind.label if kind else None,
        "status": key.status.value,
        "allowed_models": sorted(key.allowed_models) if key.allowed_models is not None else None,
        "created_at": iso_of(key.created_at_ms),
        "expires_at": iso_of(key.expires_at_ms) if key.expires_at_ms is not None else None,
        "spend_limit": None,
    }
    if kind is not None and key.spend_limit_nano is not None:
        wallet = await to_thread.run_sync(served.ledger.read_wallet, key.account_id, kind)
        left_nano = wallet.key_spend_left_nano.get(key.key_id, 0) if wallet else 0
        view["spend_limit"] = {
            "currency": wallet.currency if wallet else None,
            "limit": decimal(key.spend_limit_nano),
            "left": decimal(left_nano),
        }
    return view
