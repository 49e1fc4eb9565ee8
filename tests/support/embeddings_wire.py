"""Embeddings as OpenAI's API writes them on the wire."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Mapping
from typing import Any

from tests.support.behaviour import COUNTED, MISSING, Behaviour

Request = Mapping[str, Any]
VECTOR = (0.5, -0.25, 1.0)  # exact in 32 bits


def vectors(behaviour: Behaviour, request: Request, answer_id: str) -> bytes:
    """One vector for each input, in the encoding that was asked for; none when the behaviour has no text."""
    found = _inputs(request) if behaviour.text else []
    data = [
        {"object": "embedding", "index": index, "embedding": _vector(behaviour, request)} for index in range(len(found))
    ]
    body: dict[str, Any] = {"object": "list", "data": data, "model": request.get("model")}
    if behaviour.usage is COUNTED:
        sent = sum(len(one.split()) if isinstance(one, str) else len(one) for one in _inputs(request))
        body["usage"] = {"prompt_tokens": sent, "total_tokens": sent}
    elif behaviour.usage is not MISSING:
        body["usage"] = behaviour.usage
    return json.dumps(body).encode()


def frames(behaviour: Behaviour, request: Request, answer_id: str) -> list[bytes]:
    """Embeddings are never streamed."""
    raise NotImplementedError


def _vector(behaviour: Behaviour, request: Request) -> Any:
    as_base64 = request.get("encoding_format") == "base64" and not behaviour.floats_only
    return base64.b64encode(struct.pack("<3f", *VECTOR)).decode() if as_base64 else list(VECTOR)


def _inputs(request: Request) -> list[Any]:
    given = request.get("input")
    if isinstance(given, list) and given and not isinstance(given[0], int):
        return given
    return [given]
