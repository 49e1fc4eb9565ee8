"""/v1/checkout/orders: order balance, read an order with its whole trail, "I have paid"."""

from __future__ import annotations

from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Header, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse

from functions.checkout.public_url import return_url
from functions.checkout.routes.offers import what_it_buys
from functions.checkout.services import Caller, Served, Services
from functions.checkout.views import offer_view, order_view, trail_view
from tokens_forge.checkout.orders import Order
from tokens_forge.errors import RequestError
from tokens_forge.ids import ulid_of
from tokens_forge.requests.inference import checked, parse_json
from tokens_forge.wallets import WalletKind

router = APIRouter()
PAGE_ORDERS_MAX = 99  # one more is read to see whether there are more
Limit = Annotated[int, Query(ge=1, le=PAGE_ORDERS_MAX)]
IdempotencyKey = Annotated[str | None, Header(min_length=1, max_length=255)]


class _New(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    wallet: str
    amount: Annotated[str, Field(max_length=40)]


@router.post("/v1/checkout/orders", status_code=201)
async def create_order(
    request: Request, caller: Caller, served: Served, idempotency_key: IdempotencyKey = None
) -> JSONResponse:
    """Order balance: the answer names the page where it is paid. The same Idempotency-Key gives the same order."""
    body = checked(_New, parse_json(await request.body()))
    try:
        kind = WalletKind(body.wallet)
    except ValueError:
        raise RequestError("Say which wallet: official or routed.", param="wallet") from None
    back = return_url(request, served)
    order = await to_thread.run_sync(
        lambda: served.checkout.order(caller, kind, body.amount, return_url=back, idempotency_key=idempotency_key)
    )
    return JSONResponse(
        order_view(order), status_code=201, headers={"location": f"/v1/checkout/orders/{order.order_id}"}
    )


@router.get("/v1/checkout/orders")
async def list_orders(caller: Caller, served: Served, cursor: str | None = None, limit: Limit = 20) -> dict[str, Any]:
    """The account's orders, newest first. The cursor is the last order's id."""
    if cursor is not None:
        try:
            ulid_of(cursor)
        except ValueError:
            raise RequestError("This cursor is not one of this list's.", param="cursor") from None
    found = await to_thread.run_sync(
        lambda: served.checkout.orders_of(caller.account_id, before=cursor, limit=limit + 1)
    )
    has_more = len(found) > limit
    return {
        "object": "list",
        "data": [order_view(order) for order in found[:limit]],
        "has_more": has_more,
        "next_cursor": found[limit - 1].order_id if has_more else None,
    }


@router.get("/v1/checkout/orders/{order_id}")
async def read_order(order_id: str, caller: Caller, served: Served) -> dict[str, Any]:
    """One order of this account: what it buys at which price, and everything that happened to it."""
    return await to_thread.run_sync(lambda: _whole(served, served.checkout.find(caller.account_id, order_id)))


@router.post("/v1/checkout/orders/{order_id}/check")
async def check_order(order_id: str, caller: Caller, served: Served) -> dict[str, Any]:
    """ "I have paid": the provider is asked now, and the order follows its answer."""
    return await to_thread.run_sync(
        lambda: _whole(served, served.checkout.check(served.checkout.find(caller.account_id, order_id)))
    )


def _whole(served: Services, order: Order) -> dict[str, Any]:
    buys = what_it_buys(served, order.kind, order.amount.currency)
    return {
        **order_view(order),
        "buys": [offer_view(offer) for offer in buys],
        "trail": trail_view(served.checkout.trail(order)),
    }
