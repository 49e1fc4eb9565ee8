"""Older completions as OpenAI's API writes them on the wire."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from tests.support.behaviour import COUNTED, MISSING, Behaviour

Request = Mapping[str, Any]


def completion(behaviour: Behaviour, request: Request, answer_id: str) -> bytes:
    """The body of a buffered answer."""
    choices = [_choice(index, _echo(request) + behaviour.text, "stop") for index in range(_choices(behaviour, request))]
    return json.dumps({**_head(request, answer_id), "choices": choices, **_usage(behaviour, request)}).encode()


def frames(behaviour: Behaviour, request: Request, answer_id: str) -> list[bytes]:
    """Server-sent events: words, finish of every choice, usage if wanted, [DONE]."""
    head, indexes = _head(request, answer_id), range(_choices(behaviour, request))
    chunks: list[dict[str, Any]] = []
    for word in re.findall(r"\S+\s*|\s+", _echo(request) + behaviour.text):
        chunks += [{**head, "choices": [_choice(index, word, None)]} for index in indexes]
    chunks += [{**head, "choices": [_choice(index, "", "stop")]} for index in indexes]
    if (request.get("stream_options") or {}).get("include_usage") and behaviour.usage is not MISSING:
        chunks.append({**head, "choices": [], **_usage(behaviour, request)})
    return [_event(json.dumps(chunk)) for chunk in chunks] + [_event("[DONE]")] * behaviour.done_markers


def _head(request: Request, answer_id: str) -> dict[str, Any]:
    return {"id": answer_id, "object": "text_completion", "created": 1_700_000_000, "model": request.get("model")}


def _choice(index: int, text: str, finish: str | None) -> dict[str, Any]:
    return {"index": index, "text": text, "logprobs": None, "finish_reason": finish}


def _prompts(request: Request) -> list[Any]:
    prompt = request.get("prompt")
    are_many = isinstance(prompt, list) and bool(prompt) and not isinstance(prompt[0], int)
    return list(prompt) if are_many and isinstance(prompt, list) else [prompt]


def _echo(request: Request) -> str:
    return str(_prompts(request)[0]) if request.get("echo") else ""


def _choices(behaviour: Behaviour, request: Request) -> int:
    return behaviour.choices if behaviour.choices is not None else len(_prompts(request)) * int(request.get("n") or 1)


def _usage(behaviour: Behaviour, request: Request) -> dict[str, Any]:
    if behaviour.usage is MISSING:
        return {}
    if behaviour.usage is not COUNTED:
        return {"usage": behaviour.usage}
    sent = sum(len(prompt.split()) if isinstance(prompt, str) else len(prompt) for prompt in _prompts(request))
    # All answers were made, also those that were not the best.
    made = len(behaviour.text.split()) * len(_prompts(request)) * int(request.get("best_of") or request.get("n") or 1)
    return {"usage": {"prompt_tokens": sent, "completion_tokens": made, "total_tokens": sent + made}}


def _event(data: str) -> bytes:
    return f"data: {data}\n\n".encode()
