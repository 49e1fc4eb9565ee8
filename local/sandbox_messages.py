"""The sandbox upstream's Messages API, as Anthropic's clients know it."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from local.sandbox_answers import Answer, compose, token_count
from local.sandbox_http import CHUNK_DELAY_S, Refused, json_body, named_event

_STOP_REASONS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}


async def messages(request: Request) -> Response:
    """POST /v1/messages."""
    body = await json_body(request)
    if not isinstance(body.get("messages"), list) or not isinstance(body.get("max_tokens"), int):
        raise Refused(400, "messages and max_tokens are required", "invalid_request")
    answer = compose(_as_chat(body))
    if body.get("stream"):
        return StreamingResponse(_stream(body, answer), media_type="text/event-stream")
    content = [_block(answer, json.loads(answer.text) if answer.tool_name else None)]
    return JSONResponse({**_head(body), "content": content, **_stop(answer), "usage": _usage(body, answer)})


async def _stream(body: dict[str, Any], answer: Answer) -> AsyncIterator[str]:
    usage = _usage(body, answer)
    begun: dict[str, Any] = {
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {**usage, "output_tokens": 1},
    }
    yield named_event({"type": "message_start", "message": {**_head(body), **begun}})
    blank = _block(answer, {}) if answer.tool_name else {"type": "text", "text": ""}
    yield named_event({"type": "content_block_start", "index": 0, "content_block": blank})
    yield named_event({"type": "ping"})
    for piece in answer.pieces:
        await asyncio.sleep(CHUNK_DELAY_S)
        delta = {"type": "text_delta", "text": piece}
        if answer.tool_name:
            delta = {"type": "input_json_delta", "partial_json": piece}
        yield named_event({"type": "content_block_delta", "index": 0, "delta": delta})
    yield named_event({"type": "content_block_stop", "index": 0})
    yield named_event({"type": "message_delta", "delta": _stop(answer), "usage": usage})
    yield named_event({"type": "message_stop"})


def _as_chat(body: dict[str, Any]) -> dict[str, Any]:
    """The request in the words in which the sandbox thinks."""
    tools = [
        {"function": {"name": tool.get("name"), "parameters": tool.get("input_schema")}}
        for tool in body.get("tools") or []
    ]
    choice: Any = body.get("tool_choice") or {}
    wanted = {"any": "required", "tool": {"function": {"name": choice.get("name")}}}.get(choice.get("type"))
    return {
        "model": body["model"],
        "messages": body["messages"],
        "tools": tools,
        "tool_choice": wanted,
        "max_tokens": body["max_tokens"],
    }


def _head(body: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": f"msg_sandbox_{uuid.uuid4().hex}",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
    }


def _block(answer: Answer, arguments: Any) -> dict[str, Any]:
    if answer.tool_name:
        return {"type": "tool_use", "id": "toolu_sandbox_0", "name": answer.tool_name, "input": arguments}
    return {"type": "text", "text": answer.text}


def _stop(answer: Answer) -> dict[str, Any]:
    return {"stop_reason": _STOP_REASONS[answer.finish_reason], "stop_sequence": None}


def _usage(body: dict[str, Any], answer: Answer) -> dict[str, int]:
    sent = token_count(json.dumps(body["messages"])) + token_count(json.dumps(body.get("system") or ""))
    return {
        "input_tokens": sent,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": len(answer.pieces),
    }
