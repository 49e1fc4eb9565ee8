"""GET /v1/wallets: both wallets of the account, side by side and never summed."""

from __future__ import annotations

from typing import Any

from anyio import to_thread
from fastapi import APIRouter

from functions.proxy.services import Caller, Served
from tokens_forge.views import wallet_view
from tokens_forge.wallets import WalletKind

router = APIRouter()


@router.get("/v1/wallets")
async def list_wallets(caller: Caller, served: Served) -> dict[str, Any]:
    """Both wallets, with the label and currency of each."""
    found = [await to_thread.run_sync(served.ledger.read_wallet, caller.account_id, kind) for kind in WalletKind]
    return {
        "object": "list",
        "account_id": caller.account_id,
        "data": [wallet_view(wallet) for wallet in found if wallet is not None],
    }
