"""The sandbox upstream's older completions, and its embeddings."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import struct
import time
import uuid
from collections.abc import AsyncIterator
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from local.sandbox_answers import NOTICE, Answer, compose, token_count
from local.sandbox_http import CHUNK_DELAY_S, data_event, json_body

DIMENSIONS = 8


async def completions(request: Request) -> Response:
    """POST /v1/completions."""
    body = await json_body(request)
    prompts = _prompts(body.get("prompt"))
    shown = len(prompts) * (body.get("n") or 1)
    answer = compose({**body, "messages": [{"role": "user", "content": _text(prompts[0])}]})
    made = len(answer.pieces) * len(prompts) * (body.get("best_of") or body.get("n") or 1)
    sent = sum(_tokens(prompt) for prompt in prompts)
    usage = {"prompt_tokens": sent, "completion_tokens": made, "total_tokens": sent + made}
    head = {
        "id": f"cmpl-sandbox-{uuid.uuid4().hex}",
        "object": "text_completion",
        "created": int(time.time()),
        "model": body["model"],
    }
    if body.get("stream"):
        return StreamingResponse(_stream(head, body, answer, shown, usage), media_type="text/event-stream")
    echo = _text(prompts[0]) if body.get("echo") else ""
    choices = [_choice(index, echo + answer.text, answer.finish_reason) for index in range(shown)]
    return JSONResponse({**head, "choices": choices, "usage": usage})


async def _stream(
    head: dict[str, Any], body: dict[str, Any], answer: Answer, shown: int, usage: dict[str, int]
) -> AsyncIterator[str]:
    for piece in answer.pieces:
        await asyncio.sleep(CHUNK_DELAY_S)
        for index in range(shown):
            yield data_event({**head, "choices": [_choice(index, piece, None)]})
    for index in range(shown):
        yield data_event({**head, "choices": [_choice(index, "", answer.finish_reason)]})
    if (body.get("stream_options") or {}).get("include_usage"):
        yield data_event({**head, "choices": [], "usage": usage})
    yield "data: [DONE]\n\n"


async def embeddings(request: Request) -> Response:
    """POST /v1/embeddings: vectors that depend on nothing but the input."""
    body = await json_body(request)
    inputs = _prompts(body.get("input"))
    vectors = [_vector(prompt, body.get("dimensions") or DIMENSIONS) for prompt in inputs]
    if body.get("encoding_format") == "base64":
        shown: list[Any] = [base64.b64encode(struct.pack(f"<{len(one)}f", *one)).decode() for one in vectors]
    else:
        shown = vectors
    sent = sum(_tokens(prompt) for prompt in inputs)
    return JSONResponse(
        {
            "object": "list",
            "data": [{"object": "embedding", "index": index, "embedding": one} for index, one in enumerate(shown)],
            "model": body["model"],
            "usage": {"prompt_tokens": sent, "total_tokens": sent},
            "sandbox": NOTICE,
        }
    )


def _prompts(given: Any) -> list[Any]:
    is_one = not isinstance(given, list) or not given or isinstance(given[0], int)
    return [given] if is_one else given


def _text(prompt: Any) -> str:
    return prompt if isinstance(prompt, str) else f"[{len(prompt or ())} tokens]"


def _tokens(prompt: Any) -> int:
    return token_count(prompt) if isinstance(prompt, str) else len(prompt or ())


def _choice(index: int, text: str, finish_reason: str | None) -> dict[str, Any]:
    return {"index": index, "text": text, "logprobs": None, "finish_reason": finish_reason}


def _vector(prompt: Any, dimensions: int) -> list[float]:
    """A number between -1 and 1 for each dimension, exact in 32 bits."""
    digest = hashlib.shake_256(repr(prompt).encode()).digest(min(dimensions, 4096))
    return [(byte - 128) / 128 for byte in digest]
