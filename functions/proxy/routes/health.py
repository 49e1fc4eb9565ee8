"""GET /healthz: the process is up. The Web Adapter waits for it."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter()


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """Says ok, and touches nothing."""
    return {"status": "ok"}
