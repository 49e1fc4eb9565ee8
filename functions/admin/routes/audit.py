"""The audit logs, and the admin keys."""

from __future__ import annotations

from typing import Any

from anyio import to_thread
from fastapi import APIRouter, Request

from functions.admin.bodies import Limit, Write, author_of, body_of
from functions.admin.lists import listed, page_of
from functions.admin.services import Operator, Reader, Served
from tokens_forge.admin.audit import AuditRecord, Log
from tokens_forge.admin.issuing import admin_key_view
from tokens_forge.errors import Conflict

_PATHS = {
    Log.DEPLOYMENT: "/admin/v1/audit",
    Log.OFFICIAL: "/admin/v1/official/audit",
    Log.ROUTED: "/admin/v1/routed/audit",
}


def router_of(log: Log) -> APIRouter:
    """The log of one wallet's business, or of the deployment."""
    router = APIRouter(tags=["audit"])

    @router.get(_PATHS[log])
    async def list_records(
        key: Reader,
        served: Served,
        actor: str | None = None,
        action: str | None = None,
        subject: str | None = None,
        cursor: str | None = None,
        limit: Limit = 50,
    ) -> dict[str, Any]:
        """Who changed what, why, from what to what: newest first."""

        def wanted(record: AuditRecord) -> bool:
            return (
                actor in (None, record.author.actor)
                and (action is None or record.action.startswith(action))
                and subject in (None, record.subject)
            )

        records, next_cursor = await to_thread.run_sync(
            lambda: served.audit.page(log, cursor=cursor, limit=limit, wanted=wanted)
        )
        return listed([record.view() for record in records], next_cursor)

    return router


router = APIRouter(prefix="/admin/v1/admin-keys", tags=["admin keys"])


@router.get("")
async def list_admin_keys(key: Reader, served: Served, cursor: str | None = None, limit: Limit = 50) -> dict[str, Any]:
    """Every admin key. They are made by a command that needs the deployment's AWS credentials."""
    return page_of(await to_thread.run_sync(served.admin_keys.list), by="id", cursor=cursor, limit=limit)


@router.get("/self")
async def read_own_key(key: Reader, served: Served) -> dict[str, Any]:
    """The calling key."""
    return admin_key_view(key, served.clock.now_ms())


@router.post("/{key_id}/revoke")
async def revoke_admin_key(key_id: str, request: Request, key: Operator, served: Served) -> dict[str, Any]:
    """Revoke an admin key at once and for ever."""
    body = await body_of(request, Write)
    author = author_of(key, body)
    revoked = await to_thread.run_sync(served.admin_keys.revoke, key_id, author)
    if revoked is None:
        raise Conflict(f"There is no admin key {key_id!r} that is not revoked already.")
    return revoked
