"""Responses as OpenAI's API writes them on the wire."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from tests.support.behaviour import COUNTED, MISSING, Behaviour

Request = Mapping[str, Any]


def response(behaviour: Behaviour, request: Request, answer_id: str) -> bytes:
    """The body of a buffered answer."""
    return json.dumps(_ended(behaviour, request, answer_id)).encode()


def frames(behaviour: Behaviour, request: Request, answer_id: str) -> list[bytes]:
    """Named events: created, in progress, item, part, words, and the whole response at the end."""
    begun = {**_head(request, answer_id), "status": "in_progress", "output": [], "usage": None}
    ended = _ended(behaviour, request, answer_id)
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
    ]
    for index, item in enumerate(ended["output"]):
        where = {"item_id": item["id"], "output_index": index}
        if item["type"] == "function_call":
            blank = {**item, "arguments": "", "status": "in_progress"}
            events += [
                {"type": "response.output_item.added", "output_index": index, "item": blank},
                {"type": "response.function_call_arguments.delta", **where, "delta": item["arguments"]},
                {"type": "response.function_call_arguments.done", **where, "arguments": item["arguments"]},
            ]
        else:
            where["content_index"] = 0
            part = {"type": "output_text", "text": "", "annotations": []}
            blank = {**item, "content": [], "status": "in_progress"}
            events += [
                {"type": "response.output_item.added", "output_index": index, "item": blank},
                {"type": "response.content_part.added", **where, "part": part},
            ]
            for word in re.findall(r"\S+\s*|\s+", behaviour.text):
                events.append({"type": "response.output_text.delta", **where, "delta": word, "logprobs": []})
            events += [
                {"type": "response.output_text.done", **where, "text": behaviour.text, "logprobs": []},
                {"type": "response.content_part.done", **where, "part": {**part, "text": behaviour.text}},
            ]
        events.append({"type": "response.output_item.done", "output_index": index, "item": item})
    events.append({"type": f"response.{ended['status']}", "response": ended})
    return [
        f"event: {event['type']}\ndata: {json.dumps({**event, 'sequence_number': number})}\n\n".encode()
        for number, event in enumerate(events)
    ]


def _head(request: Request, answer_id: str) -> dict[str, Any]:
    return {
        "id": answer_id,
        "object": "response",
        "created_at": 1_700_000_000,
        "model": request.get("model"),
        "error": None,
        "incomplete_details": None,
        "instructions": request.get("instructions"),
        "max_output_tokens": request.get("max_output_tokens"),
        "metadata": {},
        "parallel_tool_calls": True,
        "store": request.get("store", True),
        "temperature": 1.0,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": request.get("tools") or [],
        "top_p": 1.0,
    }


def _ended(behaviour: Behaviour, request: Request, answer_id: str) -> dict[str, Any]:
    status = behaviour.finish_reason or "completed"
    ended = {**_head(request, answer_id), "status": status, "output": _output(behaviour)}
    if status == "incomplete":
        ended["incomplete_details"] = {"reason": "max_output_tokens"}
    if status == "failed":
        ended["error"] = {"code": behaviour.error_code, "message": "scripted failure"}
    if behaviour.usage is COUNTED:
        ended["usage"] = counted_usage(behaviour, request)
    elif behaviour.usage is not MISSING:
        ended["usage"] = behaviour.usage
    return ended


def _output(behaviour: Behaviour) -> list[dict[str, Any]]:
    if behaviour.tool_calls:
        return [
            {
                "id": f"fc_{number}",
                "type": "function_call",
                "call_id": call["id"],
                "name": call["function"]["name"],
                "arguments": call["function"]["arguments"],
                "status": "completed",
            }
            for number, call in enumerate(behaviour.tool_calls)
        ]
    if not behaviour.text:
        return []
    part = {"type": "output_text", "text": behaviour.text, "annotations": [], "logprobs": []}
    return [{"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": [part]}]


def counted_usage(behaviour: Behaviour, request: Request) -> dict[str, Any]:
    """A word is a token here."""
    sent, made = _words(request.get("input")), len(behaviour.text.split())
    return {
        "input_tokens": sent,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": made,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": sent + made,
    }


def _words(given: Any) -> int:
    if isinstance(given, str):
        return len(given.split())
    items = given if isinstance(given, list) else []
    return sum(_words(item.get("content") or item.get("text") or item.get("output") or "") for item in items)
