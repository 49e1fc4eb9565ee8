"""What API Gateway does in the cloud: one address, and each path goes to the application of its function.

Every application runs here in this one process, with real streaming.
"""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from functions.admin.main import app as admin
from functions.checkout.main import app as checkout
from functions.proxy.main import app as proxy
from functions.research.main import app as research

# The longest prefix that fits serves; the public API has the rest.
APPLICATIONS: dict[str, ASGIApp] = {
    "/": proxy,
    "/v1/checkout/": checkout,
    "/v1/research/": research,
    "/admin/": admin,
}


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Hand a connection to its application."""
    await application_of(scope["path"])(scope, receive, send)


def application_of(path: str) -> ASGIApp:
    """The application that answers this path."""
    fitting = [prefix for prefix in APPLICATIONS if path.startswith(prefix)]
    return APPLICATIONS[max(fitting, key=len)]
