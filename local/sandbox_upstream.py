"""A stand-in for a provider: speaks OpenAI's APIs and Anthropic's, costs nothing, and says in every answer what it is."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from local.sandbox_answers import Answer, compose, prompt_tokens
from local.sandbox_http import CHUNK_DELAY_S, Refused, data_event, error_answer, json_body, require_key
from local.sandbox_messages import messages
from local.sandbox_prompts import completions, embeddings
from local.sandbox_responses import responses

MODELS = ("gpt-4o-mini", "gpt-4o", "gpt-3.5-turbo-instruct", "text-embedding-3-small", "claude-haiku-4-5")
CHOICES_MAX = 16


async def list_models(request: Request) -> Response:
    """GET /v1/models."""
    require_key(request)
    models = [{"id": name, "object": "model", "created": 1_764_000_000, "owned_by": "sandbox"} for name in MODELS]
    return JSONResponse({"object": "list", "data": models})


async def chat_completions(request: Request) -> Response:
    """POST /v1/chat/completions."""
    body = await json_body(request)
    if problem := _problem(body):
        raise Refused(400, problem, "invalid_request")
    answer = compose(body)
    head = {
        "id": f"chatcmpl-sandbox-{uuid.uuid4().hex}",
        "created": int(time.time()),
        "model": body["model"],
        "system_fingerprint": "tokens-forge-sandbox",
    }
    if body.get("stream"):
        return StreamingResponse(_stream(head, body, answer), media_type="text/event-stream")
    choices = [_choice(index, answer) for index in range(body.get("n") or 1)]
    whole = {**head, "object": "chat.completion", "choices": choices, "usage": _usage(body, answer)}
    return JSONResponse(whole)


async def _stream(head: dict[str, Any], body: dict[str, Any], answer: Answer) -> AsyncIterator[str]:
    include_usage = bool((body.get("stream_options") or {}).get("include_usage"))
    # OpenAI puts `usage: null` into every chunk but the last one when usage was asked for.
    common = {**head, "object": "chat.completion.chunk", **({"usage": None} if include_usage else {})}

    def chunk(index: int, delta: dict[str, Any], finish_reason: str | None = None) -> str:
        choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return data_event({**common, "choices": [choice]})

    choices = range(body.get("n") or 1)
    for index in choices:
        first: dict[str, Any] = {"role": "assistant", "content": None if answer.tool_name else ""}
        if answer.tool_name:
            function = {"name": answer.tool_name, "arguments": ""}
            first["tool_calls"] = [{"index": 0, "id": _call_id(index), "type": "function", "function": function}]
        yield chunk(index, first)
    for piece in answer.pieces:
        await asyncio.sleep(CHUNK_DELAY_S)
        for index in choices:
            if answer.tool_name:
                yield chunk(index, {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]})
            else:
                yield chunk(index, {"content": piece})
    for index in choices:
        yield chunk(index, {}, answer.finish_reason)
    if include_usage:
        yield data_event({**common, "choices": [], "usage": _usage(body, answer)})
    yield "data: [DONE]\n\n"


def _choice(index: int, answer: Answer) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": answer.text, "refusal": None}
    if answer.tool_name:
        function = {"name": answer.tool_name, "arguments": answer.text}
        call = {"id": _call_id(index), "type": "function", "function": function}
        message = {"role": "assistant", "content": None, "refusal": None, "tool_calls": [call]}
    return {"index": index, "message": message, "logprobs": None, "finish_reason": answer.finish_reason}


def _call_id(index: int) -> str:
    return f"call_sandbox_{index}"


def _usage(body: dict[str, Any], answer: Answer) -> dict[str, Any]:
    prompt = prompt_tokens(body)
    completion = len(answer.pieces) * (body.get("n") or 1)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }


def _problem(body: dict[str, Any]) -> str | None:
    if not isinstance(body.get("messages"), list) or not body["messages"]:
        return "messages must be a list with at least one message"
    choices = body.get("n")
    if choices is not None and not (isinstance(choices, int) and 1 <= choices <= CHOICES_MAX):
        return f"n must be from 1 to {CHOICES_MAX}"
    return None


app = Starlette(
    routes=[
        Route("/v1/models", list_models, methods=["GET"]),
        Route("/v1/chat/completions", chat_completions, methods=["POST"]),
        Route("/v1/completions", completions, methods=["POST"]),
        Route("/v1/embeddings", embeddings, methods=["POST"]),
        Route("/v1/responses", responses, methods=["POST"]),
        Route("/v1/messages", messages, methods=["POST"]),
    ],
    exception_handlers={Refused: error_answer},
)
