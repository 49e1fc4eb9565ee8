"""Orders of one wallet's business, and their refunds."""

from __future__ import annotations

from typing import Any

from anyio import to_thread
from fastapi import APIRouter, Request, Response

from functions.admin.bodies import Limit, Name, Write, author_of, body_of, moment_of
from functions.admin.lists import cursor_of, cursor_value, listed
from functions.admin.services import Financier, Reader, Served
from functions.checkout.views import admin_order_view, admin_trail_view
from tokens_forge.admin.moves import UNFINISHED, MoveState
from tokens_forge.checkout.orders import OrderState
from tokens_forge.errors import RequestError
from tokens_forge.ids import time_ms_of
from tokens_forge.wallets import WalletKind

LISTED_BACK_MS = 31 * 86_400_000
SINCE_MAX_MS = 400 * 86_400_000


class RefundBody(Write):
    """`amount` is a decimal string in the order's currency. `refund_id` is `rfd_` and a ULID of now: sent again, it is the same."""

    amount: Name
    refund_id: Name | None = None


def router_of(kind: WalletKind) -> APIRouter:
    """The routes of one wallet's business."""
    router = APIRouter(prefix=f"/admin/v1/{kind.value}", tags=[f"{kind.value} orders"])

    @router.get("/orders")
    async def list_orders(
        key: Reader,
        served: Served,
        account_id: str | None = None,
        state: OrderState | None = None,
        since: str | None = None,
        cursor: str | None = None,
        limit: Limit = 50,
    ) -> dict[str, Any]:
        """Newest first, since a moment of the last 400 days; without one, of the last 31 days."""
        now_ms = served.clock.now_ms()
        since_ms = moment_of(since, "since") if since is not None else now_ms - LISTED_BACK_MS
        if since_ms < now_ms - SINCE_MAX_MS:
            raise RequestError("Orders are listed 400 days back at most.", param="since")
        before = _order_id(cursor_value(cursor)) if cursor is not None else None
        found = await to_thread.run_sync(
            lambda: served.orders.page(
                kind, since_ms=since_ms, account_id=account_id, state=state, before=before, limit=limit + 1
            )
        )
        more = cursor_of(found[limit - 1].order_id) if len(found) > limit else None
        return listed([admin_order_view(order) for order in found[:limit]], more)

    @router.get("/orders/{order_id}")
    async def read_order(order_id: str, key: Reader, served: Served) -> dict[str, Any]:
        """An order with its whole trail: who asked for each refund and why, too."""
        order, trail = await to_thread.run_sync(served.orders.read, kind, order_id)
        return {**admin_order_view(order), "trail": admin_trail_view(trail)}

    @router.post("/orders/{order_id}/refunds", status_code=201)
    async def request_refund(
        order_id: str, request: Request, response: Response, key: Financier, served: Served
    ) -> dict[str, Any]:
        """Give money back to the buyer, take its balance; 202 while a second admin or the payment provider has not answered."""
        body = await body_of(request, RefundBody)
        author = author_of(key, body)
        made = await to_thread.run_sync(
            lambda: served.refunds.request(kind, order_id, body.amount, author, body.refund_id)
        )
        if made.state is MoveState.PENDING or made.state in UNFINISHED:
            response.status_code = 202
        return served.refunds.view(made)

    @router.get("/refunds")
    async def list_refunds(
        key: Reader,
        served: Served,
        account_id: str | None = None,
        state: MoveState | None = None,
        cursor: str | None = None,
        limit: Limit = 50,
    ) -> dict[str, Any]:
        """Newest first. Filters pick out of each page."""
        before = cursor_value(cursor) if cursor is not None else None
        found = await to_thread.run_sync(served.refunds.page, kind, before, limit + 1)
        more = cursor_of(found[limit - 1].move_id) if len(found) > limit else None
        shown = [
            served.refunds.view(refund)
            for refund in found[:limit]
            if account_id in (None, refund.account_id) and state in (None, refund.state)
        ]
        return listed(shown, more)

    @router.get("/refunds/{refund_id}")
    async def read_refund(refund_id: str, key: Reader, served: Served) -> dict[str, Any]:
        """One refund."""
        return served.refunds.view(await to_thread.run_sync(served.refunds.read, kind, refund_id))

    @router.post("/refunds/{refund_id}/approve")
    async def approve_refund(refund_id: str, request: Request, key: Financier, served: Served) -> dict[str, Any]:
        """Let a pending refund happen, as a second admin; or finish one that was interrupted or not answered."""
        author = author_of(key, await body_of(request, Write))
        return served.refunds.view(await to_thread.run_sync(served.refunds.approve, kind, refund_id, author))

    @router.post("/refunds/{refund_id}/decline")
    async def decline_refund(refund_id: str, request: Request, key: Financier, served: Served) -> dict[str, Any]:
        """Let a pending refund never happen."""
        author = author_of(key, await body_of(request, Write))
        return served.refunds.view(await to_thread.run_sync(served.refunds.decline, kind, refund_id, author))

    return router


def _order_id(text: str) -> str:
    """The order id of a cursor. Raises RequestError."""
    try:
        time_ms_of(text)
    except ValueError:
        raise RequestError("This cursor is not one of this list's.", param="cursor") from None
    return text
