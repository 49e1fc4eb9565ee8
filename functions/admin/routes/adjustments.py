"""Adjustments of one wallet's business."""

from __future__ import annotations

from typing import Any

from anyio import to_thread
from fastapi import APIRouter, Request, Response

from functions.admin.bodies import Limit, Name, Write, author_of, body_of
from functions.admin.routes.moves import decided, page_of_moves, read_move
from functions.admin.services import Financier, Reader, Served
from tokens_forge.admin.moves import MoveState
from tokens_forge.wallets import WalletKind


class AdjustmentBody(Write):
    """`amount` is a decimal string in the wallet's currency; below zero it takes."""

    account_id: Name
    amount: Name


def router_of(kind: WalletKind) -> APIRouter:
    """The routes of one wallet's business."""
    router = APIRouter(prefix=f"/admin/v1/{kind.value}/adjustments", tags=[f"{kind.value} adjustments"])

    @router.get("")
    async def list_adjustments(
        key: Reader,
        served: Served,
        account_id: str | None = None,
        state: MoveState | None = None,
        cursor: str | None = None,
        limit: Limit = 50,
    ) -> dict[str, Any]:
        """Newest first. Filters pick out of each page."""
        return await page_of_moves(served.adjustments, kind, account_id, state, cursor, limit)

    @router.post("", status_code=201)
    async def request_adjustment(
        request: Request, response: Response, key: Financier, served: Served
    ) -> dict[str, Any]:
        """Adjust a wallet; above the limit it stays pending (202) until a second admin approves."""
        body = await body_of(request, AdjustmentBody)
        made = await to_thread.run_sync(
            served.adjustments.request, kind, body.account_id, body.amount, author_of(key, body)
        )
        if made.waits:
            response.status_code = 202
        return served.adjustments.view(made)

    @router.get("/{adjustment_id}")
    async def read_adjustment(adjustment_id: str, key: Reader, served: Served) -> dict[str, Any]:
        """One adjustment."""
        return await read_move(served.adjustments, kind, adjustment_id)

    @router.post("/{adjustment_id}/approve")
    async def approve_adjustment(
        adjustment_id: str, request: Request, key: Financier, served: Served
    ) -> dict[str, Any]:
        """Let a pending adjustment happen, as a second admin; or finish one that was interrupted."""
        adjustments = served.adjustments
        return await decided(adjustments, adjustments.approve, kind, adjustment_id, request, key)

    @router.post("/{adjustment_id}/decline")
    async def decline_adjustment(
        adjustment_id: str, request: Request, key: Financier, served: Served
    ) -> dict[str, Any]:
        """Let a pending adjustment never happen."""
        adjustments = served.adjustments
        return await decided(adjustments, adjustments.decline, kind, adjustment_id, request, key)

    @router.post("/{adjustment_id}/reverse")
    async def reverse_adjustment(
        adjustment_id: str, request: Request, key: Financier, served: Served
    ) -> dict[str, Any]:
        """Undo a posted adjustment by its exact opposite, once."""
        adjustments = served.adjustments
        return await decided(adjustments, adjustments.reverse, kind, adjustment_id, request, key)

    return router
