"""Which conversation a request belongs to, so that it stays with the pool member that has its prompt in the cache."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from tokens_forge.requests.inference import InferenceRequest

_NAMED_BY_CLIENT = ("prompt_cache_key", "user")
_INSTRUCTIONS = ("system", "instructions")
_TURNS = ("messages", "input", "prompt")


def conversation_of(key_id: str, request: InferenceRequest) -> str:
    """The same digest for every request of one conversation of one key. It holds nothing that can be read back.

    The client's own name for it counts first; else the beginning, up to the first message of the user, which stays the same as the
    conversation grows.
    """
    name = next((request.fields[field] for field in _NAMED_BY_CLIENT if _is_name(request.fields.get(field))), None)
    told_apart = [key_id, "named", name] if name is not None else [key_id, "begins", _beginning(request.fields)]
    return hashlib.sha256(json.dumps(told_apart, sort_keys=True).encode()).hexdigest()


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _beginning(fields: dict[str, Any]) -> list[Any]:
    instructions = [fields.get(field) for field in _INSTRUCTIONS]
    turns = next((fields[field] for field in _TURNS if fields.get(field)), None)
    return [*instructions, _first_turns(turns) if isinstance(turns, list) else turns]


def _first_turns(turns: list[Any]) -> list[Any]:
    for number, turn in enumerate(turns):
        if isinstance(turn, dict) and turn.get("role") == "user":
            return turns[: number + 1]
    return turns[:1]
