"""What belongs to no wallet alone: diagnosis, reconciliation, comparison of payments, errors of keys that are none of ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from anyio import to_thread
from fastapi import APIRouter, Query, Request

from functions.admin.bodies import Body, Limit, Name, body_of
from functions.admin.lists import cursor_value, listed, newest_of
from functions.admin.routes.reports import Since, Until, errors_answer
from functions.admin.services import Reader, Served
from tokens_forge.endpoints import Endpoint
from tokens_forge.errors import ErrorClass, RequestError
from tokens_forge.wallets import WalletKind

router = APIRouter(prefix="/admin/v1", tags=["deployment"])


class DiagnosisBody(Body):
    """`key` is a key's public id."""

    key: Name
    model: Name
    wallet: Name | None = None
    endpoint: Name | None = None


@router.post("/diagnose")
async def diagnose(request: Request, key: Reader, served: Served) -> dict[str, Any]:
    """Which one of pricing, balance, routing, provider health, key permission and model availability stops this key."""
    body = await body_of(request, DiagnosisBody)
    try:
        wallet = WalletKind(body.wallet) if body.wallet is not None else None
    except ValueError:
        raise RequestError("A wallet is official or routed.", param="wallet") from None
    try:
        endpoint = Endpoint(body.endpoint) if body.endpoint is not None else None
    except ValueError:
        raise RequestError(f"An endpoint is one of: {', '.join(Endpoint)}.", param="endpoint") from None
    return (await served.doctor.diagnose(body.key, body.model, wallet, endpoint)).view()


@router.get("/errors")
async def read_errors(
    key: Reader,
    served: Served,
    since: Since = None,
    until: Until = None,
    error_class: Annotated[ErrorClass | None, Query(alias="class")] = None,
    step: Literal["minute", "hour"] = "minute",
) -> dict[str, Any]:
    """Errors of callers whose key names no wallet: none, a malformed one, or a management key."""
    return await errors_answer(None, served, since, until, error_class, None, step)


@router.get("/reconciliation")
async def list_reconciliations(
    key: Reader, served: Served, cursor: str | None = None, limit: Limit = 20
) -> dict[str, Any]:
    """What each run of the reconciliation found, newest first."""
    return await _results(served.state.reconciliations, cursor, limit)


@router.get("/comparison")
async def list_comparisons(key: Reader, served: Served, cursor: str | None = None, limit: Limit = 20) -> dict[str, Any]:
    """What each daily comparison of the payment provider with the orders found, newest first."""
    return await _results(served.state.comparisons, cursor, limit)


async def _results(read: Callable[..., list[dict[str, Any]]], cursor: str | None, limit: int) -> dict[str, Any]:
    """What the runs of a scheduled job found."""
    before = cursor_value(cursor) if cursor is not None else None
    found = await to_thread.run_sync(lambda: read(before=before, limit=limit + 1))
    return listed(*newest_of(found, limit, lambda result: str(result["started_at"])))
