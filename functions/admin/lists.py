"""Lists page by page: those that fit into memory, sorted by their id, which is the cursor; and those that come newest first."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from tokens_forge.errors import RequestError

Thing = TypeVar("Thing")


def page_of(views: Iterable[dict[str, Any]], *, by: str, cursor: str | None, limit: int) -> dict[str, Any]:
    """The page after the cursor. Raises RequestError."""
    after = cursor_value(cursor) if cursor is not None else ""
    waiting = sorted((view for view in views if str(view[by]) > after), key=lambda view: str(view[by]))
    shown = waiting[:limit]
    has_more = len(waiting) > limit
    return listed(shown, cursor_of(str(shown[-1][by])) if has_more else None)


def listed(data: list[dict[str, Any]], next_cursor: str | None, **beside: Any) -> dict[str, Any]:
    """The shape of every list."""
    return {"object": "list", **beside, "data": data, "has_more": next_cursor is not None, "next_cursor": next_cursor}


def newest_of(found: list[Thing], limit: int, id_of: Callable[[Thing], str]) -> tuple[list[Thing], str | None]:
    """Of `limit + 1` things that were looked for: those of this page, and the cursor of the next."""
    return found[:limit], cursor_of(id_of(found[limit - 1])) if len(found) > limit else None


def cursor_of(value: str) -> str:
    """A cursor: opaque to callers."""
    return base64.urlsafe_b64encode(value.encode()).decode()


def cursor_value(cursor: str) -> str:
    """What a cursor stands for. Raises RequestError."""
    try:
        value = base64.b64decode(cursor.encode(), altchars=b"-_", validate=True).decode()
    except (ValueError, binascii.Error):
        value = ""
    if not value:
        raise wrong_cursor()
    return value


def wrong_cursor() -> RequestError:
    """For a cursor that this list has not given."""
    return RequestError("This cursor is not one of this list's.", param="cursor")
