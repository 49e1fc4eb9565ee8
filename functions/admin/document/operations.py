"""Every route of the admin API: what it takes, what it answers, and which errors beside those that any route can have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NotRequired

from functions.admin.bodies import Body, Write
from functions.admin.document import catalog, money, reports
from functions.admin.document.catalog import Page
from functions.admin.routes.accounts import AccountBody, KeyBody, StatusBody
from functions.admin.routes.adjustments import AdjustmentBody
from functions.admin.routes.catalog import ChannelBody, ModelBody, PoolBody, RouteBody
from functions.admin.routes.deployment import DiagnosisBody
from functions.admin.routes.orders import RefundBody
from functions.admin.routes.prices import PreviewBody, PriceBody, WithdrawalBody
from functions.proxy.document import account
from functions.web.openapi import Header, Operation
from functions.web.shapes import Error, ErrorFacts, Problem
from tokens_forge.admin.keys import Scope
from tokens_forge.errors import (
    Conflict,
    ForgeError,
    IdempotencyKeyReused,
    KeyNotPermitted,
    NotFound,
    PaymentProviderRefused,
    VersionMismatch,
)
from tokens_forge.wallets import WalletKind

Named = tuple[str, Operation]
_VERSION = {"type": "string", "pattern": '^(W/)?"?[0-9]{1,9}"?$'}
IF_MATCH = Header("If-Match", "The version that was read. Leave it out to make something new.", _VERSION)
ETAG = Header("etag", "The version, for `If-Match`.", {"type": "string", "pattern": '^"[0-9]+"$'}, required=True)
WAITS = "It waits: for a second admin, or for the payment provider."


class AdminErrorFacts(ErrorFacts):
    """What an admin learns beside: how the thing stands, which models stand in the way, which scope is needed."""

    current: NotRequired[dict[str, Any]]
    models: NotRequired[list[str]]
    scope_needed: NotRequired[Scope]


class AdminProblem(Problem):
    """`code` is for programs, `message` for people; `param` names the field of the request that is wrong."""

    forge: AdminErrorFacts  # type: ignore[misc]  # more of the same


class AdminError(Error):
    """Every error, on every path, in OpenAI's shape."""

    error: AdminProblem  # type: ignore[misc]  # more of the same


def operations() -> dict[str, Operation]:
    """Keyed by method and path. What belongs to one wallet is there once for each."""
    found = dict(_of_the_deployment())
    for kind in WalletKind:
        for name, operation in _of_a_wallet(kind):
            method, _, path = name.partition(" ")
            found[f"{method} /admin/v1/{kind.value}{path}"] = operation
    return found


def _made(group: str, answer: Any, *errors: type[ForgeError], body: type[Body] | None = None, **more: Any) -> Operation:
    return Operation(group, answer, (KeyNotPermitted, *errors), body=body, error_shape=AdminError, **more)


def _of_a_wallet(kind: WalletKind) -> Iterator[Named]:
    yield from _catalog(f"{kind.value} catalog")
    if kind is WalletKind.ROUTED:
        yield "GET /pools", _made("routed catalog", Page[catalog.Pool])
        yield "GET /pools/{pool_id}", _versioned("routed catalog", catalog.PoolWithStatus)
        yield "PUT /pools/{pool_id}", _put("routed catalog", catalog.Pool, PoolBody)
    yield from _prices(f"{kind.value} prices")
    yield from _adjustments(f"{kind.value} adjustments")
    yield from _orders(f"{kind.value} orders")
    yield from _reports(f"{kind.value} reports")
    yield "GET /audit", _made("audit", Page[reports.AuditRecord])


def _versioned(group: str, answer: Any) -> Operation:
    return _made(group, answer, NotFound, headers=(ETAG,))


def _put(group: str, answer: Any, body: type[Body]) -> Operation:
    return _made(group, answer, Conflict, VersionMismatch, body=body, headers=(ETAG,), request_headers=(IF_MATCH,))


def _catalog(group: str) -> Iterator[Named]:
    yield "GET /models", _made(group, Page[catalog.Model])
    yield "GET /channels", _made(group, Page[catalog.Channel])
    yield "GET /routes", _made(group, Page[catalog.Route])
    yield "GET /models/{model_id}", _versioned(group, catalog.Model)
    yield "GET /channels/{channel_id}", _versioned(group, catalog.Channel | catalog.Pool)
    yield "GET /routes/{model_id}", _versioned(group, catalog.Route)
    yield "PUT /models/{model_id}", _put(group, catalog.Model, ModelBody)
    yield "PUT /channels/{channel_id}", _put(group, catalog.Channel, ChannelBody)
    yield "PUT /routes/{model_id}", _put(group, catalog.Route, RouteBody)


def _prices(group: str) -> Iterator[Named]:
    yield "GET /prices", _made(group, Page[catalog.ListedPrice])
    yield "POST /prices", _made(group, catalog.NewPrice, Conflict, body=PriceBody, headers=(ETAG,))
    yield "POST /prices/preview", _made(group, catalog.Preview, Conflict, body=PreviewBody)
    withdrawn = _made(group, catalog.PriceVersion, Conflict, NotFound, body=WithdrawalBody, headers=(ETAG,))
    yield "POST /prices/withdraw", withdrawn


def _adjustments(group: str) -> Iterator[Named]:
    yield "GET /adjustments", _made(group, Page[money.Adjustment])
    new = _made(group, money.Adjustment, Conflict, NotFound, body=AdjustmentBody, accepted=WAITS)
    yield "POST /adjustments", new
    yield "GET /adjustments/{adjustment_id}", _made(group, money.Adjustment, NotFound)
    for step in ("approve", "decline", "reverse"):
        decided = _made(group, money.Adjustment, Conflict, NotFound, body=Write)
        yield f"POST /adjustments/{{adjustment_id}}/{step}", decided


def _orders(group: str) -> Iterator[Named]:
    provider = (Conflict, NotFound, PaymentProviderRefused)
    yield "GET /orders", _made(group, Page[money.Order])
    yield "GET /orders/{order_id}", _made(group, money.OrderWithTrail, NotFound)
    new = _made(group, money.Refund, *provider, IdempotencyKeyReused, body=RefundBody, accepted=WAITS)
    yield "POST /orders/{order_id}/refunds", new
    yield "GET /refunds", _made(group, Page[money.Refund])
    yield "GET /refunds/{refund_id}", _made(group, money.Refund, NotFound)
    yield "POST /refunds/{refund_id}/approve", _made(group, money.Refund, *provider, body=Write)
    yield "POST /refunds/{refund_id}/decline", _made(group, money.Refund, Conflict, NotFound, body=Write)


def _reports(group: str) -> Iterator[Named]:
    yield "GET /receipts", _made(group, reports.ReceiptPage)
    yield "GET /receipts/{receipt_id}", _made(group, money.ReceiptOfAccount, NotFound)
    yield "GET /usage", _made(group, reports.UsagePage)
    yield "GET /margin", _made(group, reports.MarginPage)
    yield "GET /errors", _made(group, reports.ErrorPage)
    yield "GET /health", _made(group, Page[reports.Health])
    yield "GET /circuits", _made(group, Page[reports.Circuit])
    yield "GET /channels/{channel_id}/discovery", _made(group, catalog.Discovery, NotFound)


def _of_the_deployment() -> Iterator[Named]:
    accounts, whole = "accounts", money.AccountWithWallets
    at = "/admin/v1/accounts"
    yield f"GET {at}", _made(accounts, Page[money.Account])
    yield f"POST {at}", _made(accounts, whole, body=AccountBody)
    yield f"GET {at}/{{account_id}}", _made(accounts, whole, NotFound)
    for step in ("freeze", "unfreeze"):
        yield f"POST {at}/{{account_id}}/{step}", _made(accounts, whole, Conflict, NotFound, body=StatusBody)
    yield f"GET {at}/{{account_id}}/keys", _made(accounts, Page[account.Key], NotFound)
    yield f"POST {at}/{{account_id}}/keys", _made(accounts, account.KeyWithToken, NotFound, body=KeyBody)
    revoked = _made(accounts, account.Key, Conflict, NotFound, body=Write)
    yield f"POST {at}/{{account_id}}/keys/{{key_id}}/revoke", revoked
    yield "GET /admin/v1/admin-keys", _made("admin keys", Page[money.AdminKey])
    yield "GET /admin/v1/admin-keys/self", _made("admin keys", money.AdminKey)
    yield "POST /admin/v1/admin-keys/{key_id}/revoke", _made("admin keys", money.AdminKey, Conflict, body=Write)
    yield "GET /admin/v1/audit", _made("audit", Page[reports.AuditRecord])
    yield "POST /admin/v1/diagnose", _made("deployment", reports.Diagnosis, body=DiagnosisBody)
    yield "GET /admin/v1/errors", _made("deployment", reports.ErrorPage)
    yield "GET /admin/v1/reconciliation", _made("deployment", Page[reports.Reconciliation])
    yield "GET /admin/v1/comparison", _made("deployment", Page[reports.Comparison])
