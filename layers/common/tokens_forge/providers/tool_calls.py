"""Calls of tools in the words of both protocols: their arguments are a text of JSON in OpenAI's, an object in Anthropic's."""

from __future__ import annotations

import json
from typing import Any

from tokens_forge import strict_json


def call_of(block: dict[str, Any]) -> dict[str, Any]:
    """A block of Anthropic's that calls a tool, as OpenAI writes it."""
    arguments = json.dumps(block.get("input") or {}, ensure_ascii=False)
    function = {"name": block.get("name"), "arguments": arguments}
    return {"id": block.get("id"), "type": "function", "function": function}


def arguments_of(function: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a call of OpenAI's, as Anthropic has them. Raises ValueError for what is no JSON object."""
    text = function.get("arguments") or "{}"
    found = strict_json.loads(text.encode()) if isinstance(text, str) else None
    if not isinstance(found, dict):
        raise ValueError("not an object")
    return found
