"""Server-sent events, as far as model providers use them: `data:` lines, comments, and nothing else that counts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from tokens_forge import strict_json
from tokens_forge.providers.port import UpstreamFailure

LINE_BYTES_MAX = 4 * 1024 * 1024  # a chunk may carry an image; a line longer than this is an attack or an accident


async def data_lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[list[bytes]]:
    """The payloads of the `data:` lines, those that arrived together in one list. Raises UpstreamFailure for a line without end."""
    rest = b""
    async for chunk in chunks:
        rest += chunk
        if b"\n" not in chunk:
            if len(rest) > LINE_BYTES_MAX:
                raise UpstreamFailure("too_large")
            continue
        *lines, rest = rest.split(b"\n")
        if payloads := _payloads(lines):
            yield payloads
    if payloads := _payloads([rest]):
        yield payloads


def _payloads(lines: list[bytes]) -> list[bytes]:
    return [payload for line in lines if line.startswith(b"data:") and (payload := line[5:].strip())]


def raw_event(payload: bytes, name: str) -> bytes:
    """One event whose JSON data goes on as it came. `name` holds no line break; a carriage return in JSON is only space."""
    return b"event: " + name.encode() + b"\ndata: " + payload.replace(b"\r", b" ") + b"\n\n"


def data_event(event: Mapping[str, Any], name: str | None = None) -> bytes:
    """One event for a client, with an event name only where its protocol has one."""
    head = f"event: {name}\n".encode() if name else b""
    return head + b"data: " + strict_json.dumps(event, half_pairs="replace") + b"\n\n"
