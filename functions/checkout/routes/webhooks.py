"""POST /v1/checkout/webhooks/{provider}: a payment provider's events. No key: the signature is what counts.

The answer tells nothing of any order. 200 means that sending it again would change nothing, 400 that it was not accepted, 413
that it is too large, 5xx that it should be sent again.
"""

from __future__ import annotations

from typing import Any

from anyio import to_thread
from fastapi import APIRouter, Request

from functions.checkout.services import Served
from tokens_forge.checkout.port import ProviderSilent
from tokens_forge.checkout.webhooks import Reception
from tokens_forge.errors import BodyTooLarge, NotFound, RequestError, StoreUnavailable

router = APIRouter()
EVENT_BYTES_MAX = 256 * 1024
_NOT_ACCEPTED = (Reception.NO_EVENT, Reception.BAD_SIGNATURE)


@router.post("/v1/checkout/webhooks/{provider_name}")
async def receive(provider_name: str, request: Request, served: Served) -> dict[str, Any]:
    """Follow a provider's event."""
    provider = served.providers.get(provider_name)
    if provider is None:
        raise NotFound(f"There is no {request.url.path} here.")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > EVENT_BYTES_MAX:
            raise BodyTooLarge(f"An event has at most {EVENT_BYTES_MAX} bytes.")
    signature = request.headers.get("stripe-signature")
    try:
        reception = await to_thread.run_sync(served.webhooks.receive, provider, body, signature)
    except ProviderSilent as silent:
        raise StoreUnavailable("Send this event again later.", headers={"retry-after": "60"}) from silent
    if reception in _NOT_ACCEPTED:
        raise RequestError("This is not an event with a valid signature.")
    return {"received": True}
