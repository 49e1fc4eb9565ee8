"""The sandbox upstream's Responses API."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator
from itertools import count
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from local.sandbox_answers import Answer, compose, token_count
from local.sandbox_http import CHUNK_DELAY_S, json_body, named_event


async def responses(request: Request) -> Response:
    """POST /v1/responses."""
    body = await json_body(request)
    answer = compose(_as_chat(body))
    if body.get("stream"):
        return StreamingResponse(_stream(body, answer), media_type="text/event-stream")
    return JSONResponse(_ended(_head(body), body, answer))


async def _stream(body: dict[str, Any], answer: Answer) -> AsyncIterator[str]:
    head, numbers = _head(body), count()

    def event(event_type: str, **fields: Any) -> str:
        return named_event({"type": event_type, "sequence_number": next(numbers), **fields})

    begun = {**head, "status": "in_progress", "output": [], "usage": None}
    ended = _ended(head, body, answer)
    [item] = ended["output"]
    where = {"item_id": item["id"], "output_index": 0}
    yield event("response.created", response=begun)
    yield event("response.in_progress", response=begun)
    if answer.tool_name:
        yield event("response.output_item.added", output_index=0, item={**item, "arguments": ""})
        for piece in answer.pieces:
            await asyncio.sleep(CHUNK_DELAY_S)
            yield event("response.function_call_arguments.delta", **where, delta=piece)
        yield event("response.function_call_arguments.done", **where, arguments=answer.text)
    else:
        where["content_index"] = 0
        [part] = item["content"]
        yield event("response.output_item.added", output_index=0, item={**item, "content": []})
        yield event("response.content_part.added", **where, part={**part, "text": ""})
        for piece in answer.pieces:
            await asyncio.sleep(CHUNK_DELAY_S)
            yield event("response.output_text.delta", **where, delta=piece, logprobs=[])
        yield event("response.output_text.done", **where, text=answer.text, logprobs=[])
        yield event("response.content_part.done", **where, part=part)
    yield event("response.output_item.done", output_index=0, item=item)
    yield event(f"response.{ended['status']}", response=ended)


def _as_chat(body: dict[str, Any]) -> dict[str, Any]:
    """The request in the words in which the sandbox thinks."""
    given = body.get("input")
    items = given if isinstance(given, list) else [{"role": "user", "content": given}]
    tools = [{"type": "function", "function": tool} for tool in body.get("tools") or []]
    choice = body.get("tool_choice")
    if isinstance(choice, dict):
        choice = {"function": {"name": choice.get("name")}}
    wanted = (body.get("text") or {}).get("format") or {}
    return {
        "model": body["model"],
        "messages": items,
        "tools": tools,
        "tool_choice": choice,
        "max_tokens": body.get("max_output_tokens"),
        "response_format": {"type": wanted.get("type"), "json_schema": {"schema": wanted.get("schema") or {}}},
    }


def _head(body: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": f"resp_sandbox_{uuid.uuid4().hex}",
        "object": "response",
        "created_at": int(time.time()),
        "model": body["model"],
        "error": None,
        "incomplete_details": None,
        "instructions": body.get("instructions"),
        "max_output_tokens": body.get("max_output_tokens"),
        "metadata": body.get("metadata") or {},
        "parallel_tool_calls": True,
        "store": body.get("store", True),
        "temperature": body.get("temperature", 1.0),
        "text": body.get("text") or {"format": {"type": "text"}},
        "tool_choice": body.get("tool_choice") or "auto",
        "tools": body.get("tools") or [],
        "top_p": body.get("top_p", 1.0),
    }


def _ended(head: dict[str, Any], body: dict[str, Any], answer: Answer) -> dict[str, Any]:
    is_cut = answer.finish_reason == "length"
    sent = token_count(json.dumps(body.get("input"))) + token_count(str(body.get("instructions") or ""))
    made = len(answer.pieces)
    return {
        **head,
        "status": "incomplete" if is_cut else "completed",
        "incomplete_details": {"reason": "max_output_tokens"} if is_cut else None,
        "output": [_item(answer)],
        "usage": {
            "input_tokens": sent,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": made,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": sent + made,
        },
    }


def _item(answer: Answer) -> dict[str, Any]:
    if answer.tool_name:
        return {
            "id": "fc_sandbox_0",
            "type": "function_call",
            "call_id": "call_sandbox_0",
            "name": answer.tool_name,
            "arguments": answer.text,
            "status": "completed",
        }
    part = {"type": "output_text", "text": answer.text, "annotations": [], "logprobs": []}
    return {
        "id": "msg_sandbox_0",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": [part],
    }
