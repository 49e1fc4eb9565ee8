"""GET /v1/ledger: the statement of one wallet, as JSON or CSV."""

from __future__ import annotations

import csv
import io
from typing import Annotated, Any, Literal

from anyio import to_thread
from fastapi import APIRouter, Query
from starlette.responses import JSONResponse, Response

from functions.proxy.services import Caller, Served
from tokens_forge.errors import NotFound, RequestError
from tokens_forge.identity import Identity
from tokens_forge.ids import iso_of
from tokens_forge.money import decimal
from tokens_forge.receipts import receipt_id_of
from tokens_forge.statements import CURSOR_LETTERS_MAX, PAGE_LINES_MAX, Line, Page
from tokens_forge.views import wallet_view
from tokens_forge.wallets import WalletKind

router = APIRouter()
Limit = Annotated[int, Query(ge=1, le=PAGE_LINES_MAX, description="The most that one page holds.")]
Cursor = Annotated[str | None, Query(max_length=CURSOR_LETTERS_MAX, description="`next_cursor` of the page before.")]
WhichWallet = Annotated[WalletKind | None, Query(description="Without it the key's own; a management key names one.")]
CSV_COLUMNS = (
    "entry_id",
    "occurred_at",
    "type",
    "wallet",
    "currency",
    "amount",
    "balance_after",
    "model",
    "receipt_id",
)


@router.get("/v1/ledger")
async def read_ledger(
    caller: Caller,
    served: Served,
    wallet: WhichWallet = None,
    cursor: Cursor = None,
    limit: Limit = 50,
    format: Literal["json", "csv"] = "json",
) -> Response:
    """Entries of one wallet, newest first, each with the balance after it. Without `wallet`: the key's own."""
    kind = chosen_wallet(caller, wallet)
    page = await to_thread.run_sync(lambda: served.statements.page(caller.account_id, kind, cursor=cursor, limit=limit))
    if page is None:
        raise NotFound(f"This account has no {kind.label}.")
    if format == "csv":
        return _csv(page)
    return JSONResponse(
        {
            "object": "list",
            "wallet": wallet_view(page.wallet),
            "data": [line_view(line) for line in page.lines],
            "has_more": page.next_cursor is not None,
            "next_cursor": page.next_cursor,
            "exact": page.exact,
        }
    )


def chosen_wallet(caller: Identity, wallet: WalletKind | None) -> WalletKind:
    """The wallet that was asked for, else the key's own. Raises RequestError for a management key that names none."""
    kind = wallet or caller.key.kind.wallet
    if kind is None:
        raise RequestError("Say which wallet: ?wallet=official or ?wallet=routed.", param="wallet")
    return kind


def line_view(line: Line) -> dict[str, Any]:
    """One line of a statement. Amounts are decimal strings; spending is negative."""
    entry = line.entry
    return {
        "entry_id": entry.entry_id,
        "occurred_at": iso_of(entry.occurred_at_ms),
        "type": entry.type.value,
        "wallet": entry.kind.value,
        "currency": entry.currency,
        "amount": decimal(entry.wallet_nano),
        "balance_after": decimal(line.balance_after_nano),
        "model": entry.request.model if entry.request else None,
        "receipt_id": receipt_id_of(entry) if entry.request else None,
        "reference": entry.reference,
    }


def _csv(page: Page) -> Response:
    text = io.StringIO()
    rows = csv.DictWriter(text, CSV_COLUMNS, extrasaction="ignore")
    rows.writeheader()
    rows.writerows(line_view(line) for line in page.lines)
    headers = {"x-next-cursor": page.next_cursor} if page.next_cursor else {}
    return Response(text.getvalue(), media_type="text/csv", headers=headers)
