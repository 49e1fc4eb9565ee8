"""JSON as RFC 8259 has it: no NaN, no infinity, also not one written as 1e999. What is read can always be written again."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:20]} is too large a number")
    return number


_decoder = json.JSONDecoder(parse_constant=_refuse, parse_float=_finite)
_encoder = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def loads(body: bytes) -> Any:
    """The value of a UTF-8 document. Raises ValueError, also for what is nested too deeply."""
    try:
        return _decoder.decode(body.decode())
    except RecursionError:
        raise ValueError("nested too deeply") from None


def dumps(value: object) -> str:
    """The value as a compact document. Raises RecursionError for what is nested too deeply."""
    return _encoder.encode(value)
