"""What the routes of adjustments and of refunds do alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from anyio import to_thread
from fastapi import Request

from functions.admin.bodies import Write, author_of, body_of
from functions.admin.lists import cursor_value, listed, newest_of
from tokens_forge.admin.audit import Author
from tokens_forge.admin.keys import AdminKey
from tokens_forge.admin.moves import Move, Moves, MoveState
from tokens_forge.wallets import WalletKind


async def page_of_moves(
    moves: Moves, kind: WalletKind, account_id: str | None, state: MoveState | None, cursor: str | None, limit: int
) -> dict[str, Any]:
    """Newest first. Filters pick out of each page."""
    before = cursor_value(cursor) if cursor is not None else None
    found = await to_thread.run_sync(moves.page, kind, before, limit + 1)
    page, more = newest_of(found, limit, lambda move: move.move_id)
    shown = [moves.view(move) for move in page if account_id in (None, move.account_id) and state in (None, move.state)]
    return listed(shown, more)


async def read_move(moves: Moves, kind: WalletKind, move_id: str) -> dict[str, Any]:
    """One of them."""
    return moves.view(await to_thread.run_sync(moves.read, kind, move_id))


async def decided(
    moves: Moves,
    decide: Callable[[WalletKind, str, Author], Move],
    kind: WalletKind,
    move_id: str,
    request: Request,
    key: AdminKey,
) -> dict[str, Any]:
    """What an admin's decision made of it. The body says why."""
    author = author_of(key, await body_of(request, Write))
    return moves.view(await to_thread.run_sync(decide, kind, move_id, author))
