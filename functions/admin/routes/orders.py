"""Orders of one wallet's business, and their refunds."""

from __future__ import annotations

from typing import Any

from anyio import to_thread
from fastapi import APIRouter, Request, Response

from functions.admin.bodies import Limit, Name, Write, author_of, body_of, moment_of
from functions.admin.lists import cursor_value, listed, newest_of, wrong_cursor
from functions.admin.routes.moves import decided, page_of_moves, read_move
from functions.admin.services import Financier, Reader, Served
from functions.checkout.views import admin_order_view, admin_trail_view
from tokens_forge.admin.moves import MoveState
from tokens_forge.checkout.orders import OrderState
from tokens_forge.errors import RequestError
from tokens_forge.ids import DAY_MS, time_ms_of
from tokens_forge.wallets import WalletKind

LISTED_BACK_MS = 31 * DAY_MS
SINCE_MAX_MS = 400 * DAY_MS


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
        page, more = newest_of(found, limit, lambda order: order.order_id)
        return listed([admin_order_view(order) for order in page], more)

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
        if made.waits:
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
        return await page_of_moves(served.refunds, kind, account_id, state, cursor, limit)

    @router.get("/refunds/{refund_id}")
    async def read_refund(refund_id: str, key: Reader, served: Served) -> dict[str, Any]:
        """One refund."""
        return await read_move(served.refunds, kind, refund_id)

    @router.post("/refunds/{refund_id}/approve")
    async def approve_refund(refund_id: str, request: Request, key: Financier, served: Served) -> dict[str, Any]:
        """Let a pending refund happen, as a second admin; or finish one that was interrupted or not answered."""
        return await decided(served.refunds, served.refunds.approve, kind, refund_id, request, key)

    @router.post("/refunds/{refund_id}/decline")
    async def decline_refund(refund_id: str, request: Request, key: Financier, served: Served) -> dict[str, Any]:
        """Let a pending refund never happen."""
        return await decided(served.refunds, served.refunds.decline, kind, refund_id, request, key)

    return router


def _order_id(text: str) -> str:
    """The order id of a cursor. Raises RequestError."""
    try:
        time_ms_of(text)
    except ValueError:
        raise wrong_cursor() from None
    return text
