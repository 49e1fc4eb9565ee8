"""The OpenAPI document of the admin API: FastAPI knows the paths and parameters, a table says which body each write takes.

`make openapi` writes docs/admin-openapi.json; a test compares the two.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from functions.admin.app import routers
from functions.admin.bodies import Body, Write
from functions.admin.routes.accounts import AccountBody, KeyBody, StatusBody
from functions.admin.routes.adjustments import AdjustmentBody
from functions.admin.routes.catalog import ChannelBody, ModelBody, PoolBody, RouteBody
from functions.admin.routes.deployment import DiagnosisBody
from functions.admin.routes.orders import RefundBody
from functions.admin.routes.prices import PreviewBody, PriceBody, WithdrawalBody
from functions.admin.services import Requires
from tokens_forge.wallets import WalletKind

_REFERENCE = "#/components/schemas/{model}"

_OF_EACH_WALLET: Mapping[str, type[Body]] = {
    "PUT /models/{model_id}": ModelBody,
    "PUT /channels/{channel_id}": ChannelBody,
    "PUT /routes/{model_id}": RouteBody,
    "POST /prices": PriceBody,
    "POST /prices/preview": PreviewBody,
    "POST /prices/withdraw": WithdrawalBody,
    "POST /adjustments": AdjustmentBody,
    "POST /adjustments/{adjustment_id}/approve": Write,
    "POST /adjustments/{adjustment_id}/decline": Write,
    "POST /adjustments/{adjustment_id}/reverse": Write,
    "POST /orders/{order_id}/refunds": RefundBody,
    "POST /refunds/{refund_id}/approve": Write,
    "POST /refunds/{refund_id}/decline": Write,
}
_OF_THE_DEPLOYMENT: Mapping[str, type[Body]] = {
    "PUT /admin/v1/routed/pools/{pool_id}": PoolBody,
    "POST /admin/v1/accounts": AccountBody,
    "POST /admin/v1/accounts/{account_id}/freeze": StatusBody,
    "POST /admin/v1/accounts/{account_id}/unfreeze": StatusBody,
    "POST /admin/v1/accounts/{account_id}/keys": KeyBody,
    "POST /admin/v1/accounts/{account_id}/keys/{key_id}/revoke": Write,
    "POST /admin/v1/admin-keys/{key_id}/revoke": Write,
    "POST /admin/v1/diagnose": DiagnosisBody,
}
_IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "description": "The version that was read. Leave it out to make something new.",
    "schema": {"type": "string", "pattern": '^(W/)?"?[0-9]{1,9}"?$'},
}
_ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "param", "code", "forge"],
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": {"type": ["string", "null"]},
                "code": {"type": ["string", "null"]},
                "forge": {"type": "object", "required": ["class"], "properties": {"class": {"type": "string"}}},
            },
        }
    },
}


def document() -> dict[str, Any]:
    """The document. Raises ValueError when a write has no body in the table, or the table names no route."""
    app = FastAPI(title="Tokens Forge administration", version="0.1.0")
    for router in routers():
        app.include_router(router)
    made: dict[str, Any] = get_openapi(title=app.title, version=app.version, routes=app.routes, openapi_version="3.1.0")
    said = {
        f"{method.upper()} {path}": operation
        for path, methods in made["paths"].items()
        for method, operation in methods.items()
    }
    bodies = _bodies()
    writes = {name for name in said if not name.startswith("GET")}
    if writes != bodies.keys():
        raise ValueError(f"a write without a body here, or a body without a route: {writes ^ bodies.keys()}")
    models = sorted(set(bodies.values()), key=lambda body: body.__name__)
    references, definitions = models_json_schema([(body, "validation") for body in models], ref_template=_REFERENCE)
    for name, operation in said.items():
        operation["responses"].pop("422", None)
        operation["responses"]["default"] = {"$ref": "#/components/responses/Error"}
        if name in bodies:
            schema = references[(bodies[name], "validation")]
            operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
        if name.startswith("PUT"):
            operation.setdefault("parameters", []).append(_IF_MATCH)
    for name, scope in _scopes().items():
        said[name]["x-scope"] = scope
    enums = made.get("components", {}).get("schemas", {})
    named = {name: schema for name, schema in enums.items() if not name.endswith("ValidationError")}
    made["components"] = {
        "schemas": {**named, **definitions["$defs"], "Error": _ERROR},
        "responses": {
            "Error": {
                "description": "Refused; `forge.class` says by which part of the product.",
                "content": {"application/json": {"schema": {"$ref": _REFERENCE.format(model="Error")}}},
            }
        },
        "securitySchemes": {"admin_key": {"type": "http", "scheme": "bearer", "description": "tf_admin_…"}},
    }
    made["security"] = [{"admin_key": []}]
    return made


def _bodies() -> dict[str, type[Body]]:
    of_wallets = {
        name.replace(" ", f" /admin/v1/{kind.value}", 1): body
        for kind in WalletKind
        for name, body in _OF_EACH_WALLET.items()
    }
    return {**of_wallets, **_OF_THE_DEPLOYMENT}


def _scopes() -> dict[str, str]:
    """The scope that each route needs, by method and path."""
    found = {}
    for router in routers():
        for route in router.routes:
            for needed in route.dependant.dependencies:  # type: ignore[attr-defined]
                if isinstance(needed.call, Requires):
                    path, [method] = route.path_format, route.methods  # type: ignore[attr-defined]
                    found[f"{method} {path}"] = needed.call.scope.value
    return found
