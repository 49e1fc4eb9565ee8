"""Usage in the words of Anthropic's Messages protocol.

Source of the rules: Anthropic's API reference of messages. `input_tokens` leaves out what was read from a cache or written to it;
thinking is inside `output_tokens`.
"""

from __future__ import annotations

from typing import Any

from tokens_forge.pricing import Usage
from tokens_forge.providers.counting import details_of, tokens_of


def usage_of(raw: object) -> Usage | None:
    """The provider's usage in disjoint buckets; None when it is missing or cannot be true."""
    if not isinstance(raw, dict):
        return None
    sent, output = tokens_of(raw.get("input_tokens")), tokens_of(raw.get("output_tokens"))
    if sent is None or output is None:
        return None
    thinking = tokens_of(details_of(raw, "output_tokens_details").get("thinking_tokens")) or 0
    return Usage(
        input=sent,
        cached_input=tokens_of(raw.get("cache_read_input_tokens")) or 0,
        cache_write=tokens_of(raw.get("cache_creation_input_tokens")) or 0,
        output=output,
        reasoning=min(thinking, output),
    )


def usage_shown(usage: Usage) -> dict[str, Any]:
    """Usage for a client, when its provider gave none that can be read, or speaks another protocol."""
    return {
        "input_tokens": usage.input,
        "cache_creation_input_tokens": usage.cache_write,
        "cache_read_input_tokens": usage.cached_input,
        "output_tokens": usage.output,
    }
