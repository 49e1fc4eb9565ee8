"""Chat completions as OpenAI's API writes them on the wire: one JSON body, or a list of stream frames."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from tests.support.behaviour import COUNTED, MISSING, Behaviour

_CREATED_S = 1_700_000_000
Request = Mapping[str, Any]


def completion(behaviour: Behaviour, request: Request, answer_id: str) -> bytes:
    """The body of a buffered answer."""
    message: dict[str, Any] = {"role": "assistant", "content": behaviour.text}
    if behaviour.tool_calls:
        message |= {"content": None, "tool_calls": list(behaviour.tool_calls)}
    body = {
        **_head(behaviour, request, answer_id, "chat.completion"),
        "choices": [
            {"index": index, "message": message, "finish_reason": _finish(behaviour), "logprobs": None}
            for index in range(_choices(behaviour, request))
        ],
        **_usage(behaviour, request),
    }
    # Buffered, `insert` goes between the body and its end: it makes invalid what was asked to be invalid.
    text = json.dumps(body).encode()
    return text[:-1] + behaviour.insert + text[-1:] if behaviour.insert else text


def frames(behaviour: Behaviour, request: Request, answer_id: str) -> list[bytes]:
    """Server-sent events: role, words, finish of every choice, usage if wanted, [DONE]."""
    head = _head(behaviour, request, answer_id, "chat.completion.chunk")
    indexes = range(_choices(behaviour, request))
    chunks = [_delta(head, index, {"role": "assistant", "content": ""}) for index in indexes]
    # A provider that calls a tool says nothing besides.
    for word in [] if behaviour.tool_calls else re.findall(r"\S+\s*|\s+", behaviour.text):
        chunks += [_delta(head, index, {"content": word}) for index in indexes]
    for position, call in enumerate(behaviour.tool_calls):
        chunks += [_delta(head, index, {"tool_calls": [{"index": position, **call}]}) for index in indexes]
    chunks += [_delta(head, index, {}, _finish(behaviour)) for index in indexes]
    if _usage_wanted(behaviour, request):
        chunks.append({**head, "choices": [], **_usage(behaviour, request)})
    return [_event(json.dumps(chunk)) for chunk in chunks] + [_event("[DONE]")] * behaviour.done_markers


def counted_usage(behaviour: Behaviour, request: Request) -> dict[str, int]:
    """A word is a token here: simple enough that a test can say the number."""
    prompt = sum(_words(message.get("content")) for message in request.get("messages", []))
    completion_tokens = len(behaviour.text.split()) * _choices(behaviour, request)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt + completion_tokens,
    }


def models(names: list[str]) -> bytes:
    """The body of GET /models."""
    data = [{"id": name, "object": "model", "created": _CREATED_S, "owned_by": "test"} for name in names]
    return json.dumps({"object": "list", "data": data}).encode()


def _head(behaviour: Behaviour, request: Request, answer_id: str, kind: str) -> dict[str, Any]:
    model = behaviour.model or request.get("model", "unknown")
    return {"id": answer_id, "object": kind, "created": _CREATED_S, "model": model}


def _delta(head: Mapping[str, Any], index: int, delta: Mapping[str, Any], finish: str | None = None) -> dict[str, Any]:
    return {
        **head,
        "choices": [{"index": index, "delta": dict(delta), "finish_reason": finish, "logprobs": None}],
    }


def _usage(behaviour: Behaviour, request: Request) -> dict[str, Any]:
    if behaviour.usage is MISSING:
        return {}
    return {"usage": counted_usage(behaviour, request) if behaviour.usage is COUNTED else behaviour.usage}


def _usage_wanted(behaviour: Behaviour, request: Request) -> bool:
    if behaviour.usage is MISSING:
        return False
    if behaviour.usage_in_stream is not None:
        return behaviour.usage_in_stream
    return bool((request.get("stream_options") or {}).get("include_usage"))


def _choices(behaviour: Behaviour, request: Request) -> int:
    return behaviour.choices if behaviour.choices is not None else int(request.get("n") or 1)


def _finish(behaviour: Behaviour) -> str:
    return behaviour.finish_reason or ("tool_calls" if behaviour.tool_calls else "stop")


def _words(content: Any) -> int:
    if isinstance(content, str):
        return len(content.split())
    parts = content if isinstance(content, list) else []
    return sum(_words(part.get("text", "")) for part in parts if isinstance(part, dict))


def _event(data: str) -> bytes:
    return f"data: {data}\n\n".encode()
