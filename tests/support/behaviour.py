"""What the scripted provider does with one request: a good answer, or one of the ways real providers go wrong."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class _Word:
    """A word that no JSON value equals."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return self._name


COUNTED: Any = _Word("COUNTED")
"""Usage that fits the words sent and answered."""
MISSING: Any = _Word("MISSING")
"""No `usage` at all. (`None` sends `"usage": null`.)"""


class Break(Enum):
    """Where the answer stops. `after_frames` says how many stream frames go out before (buffered: half the body)."""

    RESET_AT_ONCE = "the connection is reset instead of an answer"
    CLOSE_AT_ONCE = "the connection is closed instead of an answer"
    HANG_BEFORE_HEADERS = "the request is taken, nothing ever comes"
    HANG_AFTER_HEADERS = "status and headers, then nothing"
    HANG_MID_STREAM = "some frames, then nothing"
    HANG_MID_CHUNK = "some frames and half of the next, then nothing"
    RESET_MID_STREAM = "some frames, then TCP reset"
    CLOSE_MID_STREAM = "some frames, then the connection is closed without the last chunk"
    END_EARLY = "some frames, then a well-formed end of the body without finish or [DONE]"


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One scripted answer. Whether it is streamed is the request's choice (`"stream": true`), as in reality."""

    text: str = "Hello from the test provider."
    usage: Any = COUNTED
    choices: int | None = None  # None: as many as the request's `n`
    tool_calls: tuple[Mapping[str, Any], ...] = ()
    finish_reason: str | None = None  # in the protocol's own words; None: as it belongs to the answer
    error_code: str = "server_error"  # of a response that failed
    floats_only: bool = False  # vectors are floats, whatever encoding was asked for
    model: str | None = None  # None: the request's

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str | None = None  # None: what belongs to the answer
    body: bytes | None = None  # instead of an answer, whole

    gate: threading.Event | None = None  # nothing is sent before it is set
    delay_s: float = 0.0  # before the headers
    frame_delay_s: float = 0.0  # between frames of a stream

    break_at: Break | None = None
    after_frames: int = 2
    insert: bytes = b""  # raw bytes put into the stream after `after_frames` frames
    done_markers: int = 1  # how often a stream says [DONE]
    usage_in_stream: bool | None = None  # None: only if the request asked for it


def error(status: int, message: str = "scripted error", *, code: str | None = None, **headers: str) -> Behaviour:
    """OpenAI's error shape. Header names with underscores: `error(429, retry_after="1")`."""
    body = {"error": {"message": message, "type": "api_error", "param": None, "code": code}}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Behaviour(status=status, headers=named, body=json.dumps(body).encode(), content_type="application/json")


def html(status: int = 200) -> Behaviour:
    """A proxy's page where JSON was expected."""
    page = b"<!doctype html><html><body><h1>Please sign in</h1></body></html>"
    return Behaviour(status=status, body=page, content_type="text/html; charset=utf-8")


def redirect(to: str, status: int = 307) -> Behaviour:
    """Credentials must not follow it."""
    return Behaviour(status=status, headers={"location": to}, body=b"")


def garbage(body: bytes = b'{"id": "chatcmpl-1", "choices": [{"index"') -> Behaviour:
    """JSON by its label only."""
    return Behaviour(body=body, content_type="application/json")


def invalid_utf8() -> Behaviour:
    """A frame with bytes that are no UTF-8, and the same in a buffered answer."""
    return Behaviour(insert=b'data: {"choices":[{"index":0,"delta":{"content":"\xff\xfe\xc3"}}]}\n\n')


def gigantic_line(size: int = 8 * 1024 * 1024) -> Behaviour:
    """One stream line of `size` bytes that never ends in JSON."""
    return Behaviour(insert=b"data: " + b"x" * size + b"\n\n")


def error_frame(message: str = "scripted error in the stream") -> Behaviour:
    """The provider reports its own failure in the middle of a stream, and stops there."""
    frame = (
        b"data: " + json.dumps({"error": {"message": message, "type": "server_error", "code": None}}).encode() + b"\n\n"
    )
    return Behaviour(insert=frame, break_at=Break.END_EARLY)


def silent_output(**usage: Any) -> Behaviour:
    """A complete answer without a word in it."""
    return Behaviour(text="", usage=usage or COUNTED)
