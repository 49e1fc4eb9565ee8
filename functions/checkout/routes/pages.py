"""GET /v1/checkout/return: where the payment page sends its buyer back to."""

from __future__ import annotations

from anyio import to_thread
from fastapi import APIRouter
from starlette.responses import HTMLResponse

from functions.checkout import pages
from functions.checkout.routes.receipts import PageToken, order_of_page
from functions.checkout.services import Served, Services
from tokens_forge.checkout.orders import Order
from tokens_forge.errors import GatewayError, RateLimited

router = APIRouter()


@router.get("/v1/checkout/return")
async def come_back(served: Served, order: str, token: PageToken, cancelled: str = "") -> HTMLResponse:
    """How the order stands, after the provider was asked. Loading it again asks again."""
    found = await to_thread.run_sync(lambda: _asked(served, order_of_page(served, order, token)))
    return HTMLResponse(pages.return_page(found, cancelled=bool(cancelled)), headers=pages.HEADERS)


def _asked(served: Services, order: Order) -> Order:
    """The order after the provider's answer, or as it is when there is none just now."""
    if not order.is_open:
        return order
    try:
        return served.checkout.check(order)
    except (GatewayError, RateLimited):
        return order
