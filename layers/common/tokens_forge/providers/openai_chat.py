"""The OpenAI chat completions protocol: what is sent, and how usage and output are read from what comes back.

Source of the rules: OpenAI's API reference of chat completions. `prompt_tokens` includes the cached ones; reasoning is inside
`completion_tokens`.
"""

from __future__ import annotations

from typing import Any

from tokens_forge.catalog import Channel
from tokens_forge.chat_request import encode
from tokens_forge.pricing import TOKENS_MAX, Usage
from tokens_forge.quotes import Quote

PATH = "/chat/completions"


def upstream_body(quoted: Quote, channel: Channel) -> bytes:
    """The client's body with the upstream's model name, the output limit that was held for, and usage asked for."""
    request = quoted.request
    fields = {**request.fields, "model": channel.models[quoted.offer.model.model_id]}
    named = [name for name in ("max_tokens", "max_completion_tokens") if fields.get(name) is not None]
    for name in named or [channel.output_limit_field]:
        fields[name] = quoted.output_tokens_each
    if request.stream:
        fields["stream_options"] = {**(fields.get("stream_options") or {}), "include_usage": True}
    return encode(fields)


def usage_of(raw: object) -> Usage | None:
    """The provider's usage in disjoint buckets; None when it is missing or cannot be true."""
    if not isinstance(raw, dict):
        return None
    prompt = _tokens(raw.get("prompt_tokens"))
    output = _tokens(raw.get("completion_tokens"))
    if prompt is None or output is None:
        return None
    prompt_details = _details(raw, "prompt_tokens_details")
    output_details = _details(raw, "completion_tokens_details")
    cached = min(_tokens(prompt_details.get("cached_tokens")) or 0, prompt)
    written = min(_tokens(prompt_details.get("cache_write_tokens")) or 0, prompt - cached)
    reasoning = min(_tokens(output_details.get("reasoning_tokens")) or 0, output)
    return Usage(
        input=prompt - cached - written,
        cached_input=cached,
        cache_write=written,
        output=output,
        reasoning=reasoning,
    )


def output_bytes(message: object) -> int:
    """UTF-8 bytes of all text in a message or delta: content, refusal, reasoning, tool calls. Names of fields do not count."""
    if isinstance(message, str):
        return len(message.encode("utf-8", "surrogatepass"))
    if isinstance(message, list):
        return sum(output_bytes(part) for part in message)
    if isinstance(message, dict):
        return sum(output_bytes(part) for name, part in message.items() if name not in ("role", "type", "id", "index"))
    return 0


def _details(raw: dict[str, Any], name: str) -> dict[str, Any]:
    details = raw.get(name)
    return details if isinstance(details, dict) else {}


def _tokens(value: object) -> int | None:
    return value if type(value) is int and 0 <= value <= TOKENS_MAX else None
