"""Anthropic's shape of an error, around OpenAI's: the clients of both families find what they read.

Source of the types: Anthropic's API reference of errors.
"""

from __future__ import annotations

from typing import Any

from tokens_forge.errors import ForgeError

_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
}


def anthropic_body(error: ForgeError) -> dict[str, Any]:
    """`{"type": "error", "error": {…}}`, with `param`, `code` and `forge` inside as everywhere else."""
    fallback = "invalid_request_error" if error.status < 500 else "api_error"
    body = error.body()
    return {"type": "error", "error": {**body["error"], "type": _TYPES.get(error.status, fallback)}}
