"""The OpenAPI document of the admin API: `make openapi` writes docs/admin-openapi.json. Nothing here runs in a request."""

from __future__ import annotations

from typing import Any

from fastapi.routing import APIRoute

from functions.admin.app import TITLE, routers
from functions.admin.document.operations import operations
from functions.admin.services import Requires
from functions.web.application import application
from functions.web.openapi import document
from tokens_forge.wallets import WalletKind

DESCRIPTION = """\
Administration, with a key of its own (`tf_admin_…`). What belongs to one wallet's business is under `/admin/v1/official` or
`/admin/v1/routed`, and never under both. `x-scope` is the scope that a call needs.

Amounts are decimal strings with their currency, never JSON numbers. Answers may get further fields."""
SECURITY = {"admin_key": {"type": "http", "scheme": "bearer", "description": "tf_admin_…"}}


def build() -> dict[str, Any]:
    """The document, from the routes as they are."""
    app = application(TITLE, routers(), services=None)
    made = document(app, operations(), description=DESCRIPTION, security=SECURITY, name_of=_name_of)
    for route in app.routes:
        assert isinstance(route, APIRoute)
        for needed in route.dependant.dependencies:
            if isinstance(needed.call, Requires):
                for method in route.methods or ():
                    made["paths"][route.path_format][method.lower()]["x-scope"] = needed.call.scope.value
    del made["servers"]  # the document is served nowhere
    return made


def _name_of(route: APIRoute) -> str:
    """Each route of one wallet's business has a twin of the same name."""
    business = route.path.removeprefix("/admin/v1/").partition("/")[0]
    return f"{business}_{route.name}" if business in list(WalletKind) else route.name
