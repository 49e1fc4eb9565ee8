"""GET /v1/checkout/orders/{id}/receipt, as JSON or as a page to print."""

from __future__ import annotations

import hmac
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Query, Request
from starlette.responses import HTMLResponse

from functions.checkout import pages
from functions.checkout.routes.offers import what_it_buys
from functions.checkout.services import Caller, Served, Services
from functions.checkout.views import offer_view, order_receipt_view
from functions.web.authorization import authorization_of
from tokens_forge.checkout.orders import Order
from tokens_forge.errors import Conflict, NotFound

router = APIRouter()
PageToken = Annotated[str, Query(max_length=64)]


@router.get("/v1/checkout/orders/{order_id}/receipt")
async def read_receipt(order_id: str, caller: Caller, served: Served) -> dict[str, Any]:
    """The receipt of a credited order of this account."""
    return await to_thread.run_sync(lambda: _receipt(served, served.checkout.find(caller.account_id, order_id)))


@router.get("/v1/checkout/orders/{order_id}/receipt.html")
async def print_receipt(order_id: str, request: Request, served: Served, token: PageToken = "") -> HTMLResponse:
    """The same to print. A browser sends no key: the order's page token opens it, or a key of the account."""

    def page() -> str:
        if token:
            order = order_of_page(served, order_id, token)
        else:
            caller = served.authenticator.prove(served.authenticator.token_of(authorization_of(request)))
            order = served.checkout.find(caller.account_id, order_id)
        return pages.receipt_page(_receipt(served, order))

    return HTMLResponse(await to_thread.run_sync(page), headers=pages.HEADERS)


def order_of_page(served: Services, order_id: str, token: str) -> Order:
    """The order whose page token this is. Raises NotFound, whatever is wrong."""
    order = served.checkout.find_anybodys(order_id)
    if order is None or not hmac.compare_digest(order.page_token.encode(), token.encode()):
        raise NotFound("There is no such order here.")
    return order


def _receipt(served: Services, order: Order) -> dict[str, Any]:
    if not order.is_credited:
        raise Conflict(f"The order {order.order_id} is {order.state.value}: its receipt is made when it is credited.")
    entry = served.ledger.read_entry(order.account_id, order.kind, order.entry_id)
    assert entry is not None, "a credited order has its entry"
    buys = what_it_buys(served, order.kind, order.amount.currency)
    return {**order_receipt_view(order, entry), "buys": [offer_view(offer) for offer in buys]}
