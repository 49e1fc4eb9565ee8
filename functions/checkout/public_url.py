"""Under which address a buyer reaches this API."""

from __future__ import annotations

from starlette.requests import Request

from functions.checkout.services import Services

RETURN_PATH = "/v1/checkout/return"


def return_url(request: Request, served: Services) -> str:
    """Where the payment page sends its buyer back to: the deployment's own address, else the one this request came to.

    Behind API Gateway the stage stands before the path in the request's context only. Who sends an order with a made-up Host is
    sent back to it: nobody else is.
    """
    if served.public_url:
        return served.public_url + RETURN_PATH
    context = request.scope.get("aws.event", {}).get("requestContext", {})
    stage = str(context.get("path", "")).removesuffix(request.url.path)
    return f"{request.url.scheme}://{request.url.netloc}{stage}{RETURN_PATH}"
