"""Pools of subscription accounts, with how each member stands. They serve routed models only, so there is no official path."""

from __future__ import annotations

from typing import Any

from anyio import to_thread
from fastapi import APIRouter, Request, Response

from functions.admin.bodies import Limit, author_of, body_of
from functions.admin.lists import page_of
from functions.admin.routes.catalog import PoolBody, pool_of, put, shown, state_of
from functions.admin.services import Operator, Reader, Served
from tokens_forge.admin.catalog_changes import stored_view
from tokens_forge.ids import iso_of
from tokens_forge.pools import MemberStatus
from tokens_forge.wallets import WalletKind

router = APIRouter(prefix="/admin/v1/routed/pools", tags=["routed catalog"])
_KIND = WalletKind.ROUTED


@router.get("")
async def list_pools(key: Reader, served: Served, cursor: str | None = None, limit: Limit = 50) -> dict[str, Any]:
    """Every pool. Its members' credentials are names of secrets."""
    state = await state_of(served, _KIND)
    views = [
        stored_view(stored)
        for channel_id, stored in state.channels.items()
        if state.catalog.channels[channel_id].members
    ]
    return page_of(views, by="id", cursor=cursor, limit=limit)


@router.get("/{pool_id}")
async def read_pool(pool_id: str, response: Response, key: Reader, served: Served) -> dict[str, Any]:
    """One pool: slots, windows and cooling of each member now."""
    state = await state_of(served, _KIND)
    pools = {name: stored for name, stored in state.channels.items() if state.catalog.channels[name].members}
    view = shown(pools, pool_id, response)
    members = await to_thread.run_sync(served.pools.status, state.catalog.channels[pool_id])
    return {**view, "status": [_member_view(member) for member in members]}


@router.put("/{pool_id}")
async def put_pool(pool_id: str, request: Request, response: Response, key: Operator, served: Served) -> dict[str, Any]:
    """Make a pool, or replace the version that If-Match names."""
    body = await body_of(request, PoolBody)
    return await put(served.changes.put_channel, _KIND, pool_of(pool_id, body), author_of(key, body), request, response)


def _member_view(member: MemberStatus) -> dict[str, Any]:
    return {
        "id": member.member_id,
        "enabled": member.enabled,
        "slots": member.slots,
        "slots_used": member.slots_used,
        "cooling_until": iso_of(member.cooling_until_ms) if member.cooling_until_ms is not None else None,
        "windows": [
            {
                "measure": limit.measure.value,
                "length_s": limit.length_s,
                "used": limit.used,
                "max": limit.maximum,
            }
            for limit in member.limits
        ],
    }
