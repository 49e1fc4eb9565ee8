"""GET /v1/key: what this key is and may do."""

from __future__ import annotations

from typing import Any

from anyio import to_thread
from fastapi import APIRouter

from functions.proxy.services import Caller, Served
from tokens_forge.views import key_view

router = APIRouter()


@router.get("/v1/key")
async def read_own_key(caller: Caller, served: Served) -> dict[str, Any]:
    """The calling key: its one wallet, its limits, what is left of them. Never its secret."""
    key, kind = caller.key, caller.key.kind.wallet
    has_limit = kind is not None and key.spend_limit_nano is not None
    wallet = await to_thread.run_sync(served.ledger.read_wallet, key.account_id, kind) if kind and has_limit else None
    return key_view(key, wallet)
