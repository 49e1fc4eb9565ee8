"""Where a request carries its key."""

from __future__ import annotations

from starlette.requests import Request


def authorization_of(request: Request) -> str | None:
    """The caller's Authorization header. Anthropic's clients send the key as `x-api-key` instead, on any path."""
    given = request.headers.get("authorization")
    key = request.headers.get("x-api-key")
    return f"Bearer {key}" if given is None and key is not None else given
