"""Reading what providers send: objects, counts of tokens, and bytes of output. Whatever cannot be true is not believed."""

from __future__ import annotations

from typing import Any

from tokens_forge import strict_json
from tokens_forge.pricing import TOKENS_MAX
from tokens_forge.providers.port import UpstreamFailure

# Names of fields whose values are not output: they frame it, seal it, or say how it came about.
_FRAMES = frozenset(
    {
        "annotations",
        "call_id",
        "citations",
        "encrypted_content",
        "id",
        "index",
        "logprobs",
        "phase",
        "role",
        "signature",
        "status",
        "type",
    }
)


def object_of(body: bytes) -> dict[str, Any]:
    """The JSON object in an answer or event. Raises UpstreamFailure("garbage") for anything else."""
    try:
        found = strict_json.loads(body)
    except ValueError:
        raise UpstreamFailure("garbage", "not JSON") from None
    if not isinstance(found, dict):
        raise UpstreamFailure("garbage", "not an object")
    return found


def tokens_of(value: object) -> int | None:
    """A count of tokens; None when it is missing, negative, absurd or no integer."""
    return value if type(value) is int and 0 <= value <= TOKENS_MAX else None


def details_of(raw: dict[str, Any], name: str) -> dict[str, Any]:
    """A nested object of details; empty when there is none."""
    details = raw.get(name)
    return details if isinstance(details, dict) else {}


def output_bytes(message: object) -> int:
    """UTF-8 bytes of all text in a message or delta: content, refusal, reasoning, tool calls. Names of fields do not count.

    Without recursion: a provider may nest its answer deeper than Python calls.
    """
    found, open_parts = 0, [message]
    while open_parts:
        part = open_parts.pop()
        if isinstance(part, str):
            found += len(part) if part.isascii() else len(part.encode("utf-8", "surrogatepass"))
        elif isinstance(part, list):
            open_parts.extend(part)
        elif isinstance(part, dict):
            open_parts.extend(value for name, value in part.items() if name not in _FRAMES)
    return found
