"""What the sandbox upstream says: a text, an example object or a tool call, and a plausible count of tokens."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from local.sandbox_research import research_text

NOTICE = "This is the Tokens Forge sandbox: no real model wrote this."
_PIECE = re.compile(r"\S+\s*|\s+")
_BYTES_PER_TOKEN = 4
_TOKENS_PER_MESSAGE = 4


@dataclass(frozen=True, slots=True)
class Answer:
    """One choice. `pieces` joined are the text or the tool's arguments; each piece counts as one token."""

    pieces: tuple[str, ...]
    finish_reason: str
    tool_name: str | None = None

    @property
    def text(self) -> str:
        return "".join(self.pieces)


def compose(body: dict[str, Any]) -> Answer:
    """The answer to a chat request; every choice of one request gets the same."""
    tool = _wanted_tool(body)
    if tool is not None:
        arguments = json.dumps(_example(tool.get("parameters") or {"type": "object"}))
        return Answer(_pieces(arguments), "tool_calls", str(tool.get("name", "tool")))
    pieces = _pieces(_text(body))
    limit = body.get("max_completion_tokens") or body.get("max_tokens")
    if isinstance(limit, int) and limit < len(pieces):
        return Answer(pieces[: max(limit, 0)], "length")
    return Answer(pieces, "stop")


def prompt_tokens(body: dict[str, Any]) -> int:
    """About one token for four bytes, and a few for each message: what byte-level tokenisers come to."""
    total = 3
    for message in body["messages"]:
        content = message.get("content") if isinstance(message, dict) else message
        text = content if isinstance(content, str) else json.dumps(content or "")
        total += _TOKENS_PER_MESSAGE + token_count(text)
    return total + (token_count(json.dumps(body["tools"])) if body.get("tools") else 0)


def token_count(text: str) -> int:
    """About one token for four bytes."""
    return -(-len(text.encode()) // _BYTES_PER_TOKEN)


def _pieces(text: str) -> tuple[str, ...]:
    return tuple(_PIECE.findall(text))


def _text(body: dict[str, Any]) -> str:
    wanted = body.get("response_format") or {}
    if wanted.get("type") == "json_schema":
        schema = (wanted.get("json_schema") or {}).get("schema") or {}
        return json.dumps(_example(schema))
    if wanted.get("type") == "json_object":
        return json.dumps({"sandbox": NOTICE})
    research = research_text(body)
    if research is not None:
        return research
    question = _last_user_text(body["messages"])
    quoted = question if len(question) <= 200 else question[:200] + " ..."
    return f"{NOTICE} You asked {body.get('model')}: “{quoted}” A real provider would answer here."


def _last_user_text(messages: list[Any]) -> str:
    for message in reversed(messages):
        if isinstance(message, dict) and message.get("role") == "user":
            content = message.get("content")
            if isinstance(content, str):
                return content
            parts = [part for part in content or [] if isinstance(part, dict)]
            return " ".join(str(part.get("text") or f"[{part.get('type')}]") for part in parts)
    return ""


def _wanted_tool(body: dict[str, Any]) -> dict[str, Any] | None:
    """The function that `tool_choice` asks for; with `auto` the sandbox answers in words."""
    functions = [tool.get("function") or {} for tool in body.get("tools") or [] if isinstance(tool, dict)]
    choice = body.get("tool_choice")
    if choice == "required":
        return functions[0] if functions else None
    if isinstance(choice, dict):
        name = (choice.get("function") or {}).get("name")
        return next((function for function in functions if function.get("name") == name), None)
    return None


def _example(schema: dict[str, Any]) -> Any:
    """The smallest value a simple JSON schema accepts; strings in it say where they come from."""
    if schema.get("enum"):
        return schema["enum"][0]
    if "const" in schema:
        return schema["const"]
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = kind[0] if kind else "string"
    if kind == "object" or "properties" in schema:
        properties = schema.get("properties") or {}
        names = schema.get("required") or list(properties)
        return {name: _example(properties.get(name) or {}) for name in names}
    if kind == "array":
        return [_example(schema.get("items") or {}) for _ in range(schema.get("minItems", 1))]
    if kind in ("integer", "number"):
        return schema.get("minimum", 1)
    if kind == "boolean":
        return True
    return None if kind == "null" else "sandbox"
