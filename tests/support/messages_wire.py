"""Messages as Anthropic's API writes them on the wire."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from tests.support.behaviour import COUNTED, MISSING, Behaviour

Request = Mapping[str, Any]


def message(behaviour: Behaviour, request: Request, answer_id: str) -> bytes:
    """The body of a buffered answer."""
    whole = {
        **_head(request, answer_id),
        "content": _content(behaviour),
        "stop_reason": _stop_reason(behaviour),
        "stop_sequence": None,
    }
    if behaviour.usage is COUNTED:
        whole["usage"] = counted_usage(behaviour, request)
    elif behaviour.usage is not MISSING:
        whole["usage"] = behaviour.usage
    return json.dumps(whole).encode()


def frames(behaviour: Behaviour, request: Request, answer_id: str) -> list[bytes]:
    """Named events: the message's start, a ping, each block, why it stopped with the usage, the end."""
    counted = counted_usage(behaviour, request)
    started = {**_head(request, answer_id), "content": [], "stop_reason": None, "stop_sequence": None}
    first = {"usage": {**counted, "output_tokens": 1}} if behaviour.usage is COUNTED else {}
    events: list[dict[str, Any]] = [{"type": "message_start", "message": {**started, **first}}, {"type": "ping"}]
    for index, block in enumerate(_content(behaviour)):
        if block["type"] == "tool_use":
            blank = {**block, "input": {}}
            # A call without arguments comes with an empty piece of them.
            pieces = [json.dumps(block["input"])] if block["input"] else [""]
            deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
        else:
            blank = {**block, "text": ""}
            words = re.findall(r"\S+\s*|\s+", behaviour.text)
            deltas = [{"type": "text_delta", "text": word} for word in words]
        events.append({"type": "content_block_start", "index": index, "content_block": blank})
        events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        events.append({"type": "content_block_stop", "index": index})
    last: dict[str, Any] = {
        "type": "message_delta",
        "delta": {"stop_reason": _stop_reason(behaviour), "stop_sequence": None},
    }
    if behaviour.usage is COUNTED:
        last["usage"] = {"output_tokens": counted["output_tokens"]}
    elif behaviour.usage is not MISSING:
        last["usage"] = behaviour.usage
    events.append(last)
    events += [{"type": "message_stop"}] * behaviour.done_markers
    return [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events]


def counted_usage(behaviour: Behaviour, request: Request) -> dict[str, int]:
    """A word is a token here."""
    sent = _words(request.get("system")) + sum(_words(one.get("content")) for one in request.get("messages", []))
    return {
        "input_tokens": sent,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": len(behaviour.text.split()),
    }


def _head(request: Request, answer_id: str) -> dict[str, Any]:
    return {"id": answer_id, "type": "message", "role": "assistant", "model": request.get("model")}


def _content(behaviour: Behaviour) -> list[dict[str, Any]]:
    """Tool calls are given in OpenAI's words, as everywhere in a behaviour."""
    if not behaviour.tool_calls:
        return [{"type": "text", "text": behaviour.text}] if behaviour.text else []
    return [
        {
            "type": "tool_use",
            "id": call["id"],
            "name": call["function"]["name"],
            "input": json.loads(call["function"]["arguments"]),
        }
        for call in behaviour.tool_calls
    ]


def _stop_reason(behaviour: Behaviour) -> str:
    return behaviour.finish_reason or ("tool_use" if behaviour.tool_calls else "end_turn")


def _words(content: Any) -> int:
    if isinstance(content, str):
        return len(content.split())
    blocks = content if isinstance(content, list) else []
    return sum(_words(block.get("text") or block.get("content") or "") for block in blocks)
