"""GET /v1/receipts and GET /v1/receipts/{id}."""

from __future__ import annotations

from typing import Any

from anyio import to_thread
from fastapi import APIRouter

from functions.proxy.routes.ledger import Cursor, Limit, WhichWallet, chosen_wallet
from functions.proxy.services import Caller, Served
from tokens_forge.errors import NotFound
from tokens_forge.journal import Entry, EntryType, entry_id_of
from tokens_forge.receipts import receipt
from tokens_forge.wallets import WalletKind

router = APIRouter()


@router.get("/v1/receipts")
async def list_receipts(
    caller: Caller, served: Served, wallet: WhichWallet = None, cursor: Cursor = None, limit: Limit = 20
) -> dict[str, Any]:
    """Receipts of one wallet, newest first. Without `wallet`: the key's own."""
    kind = chosen_wallet(caller, wallet)
    entries, next_cursor = await to_thread.run_sync(
        lambda: served.statements.receipts(caller.account_id, kind, cursor=cursor, limit=limit)
    )
    return {
        "object": "list",
        "wallet": kind.value,
        "wallet_label": kind.label,
        "data": [receipt(entry) for entry in entries],
        "has_more": next_cursor is not None,
        "next_cursor": next_cursor,
    }


@router.get("/v1/receipts/{receipt_id}")
async def read_receipt(receipt_id: str, caller: Caller, served: Served) -> dict[str, Any]:
    """One receipt of this account, whichever wallet it charged."""
    entry = await to_thread.run_sync(lambda: _find(served, caller.account_id, receipt_id))
    if entry is None:
        raise NotFound(f"This account has no receipt {receipt_id!r}. A request that is still running has none yet.")
    return receipt(entry)


def _find(served: Served, account_id: str, receipt_id: str) -> Entry | None:
    if not receipt_id.startswith("req_"):
        return None
    try:
        entry_id = entry_id_of(receipt_id, EntryType.REQUEST)
    except ValueError:
        return None
    for kind in WalletKind:
        entry = served.ledger.read_entry(account_id, kind, entry_id)
        if entry is not None:
            return entry
    return None
