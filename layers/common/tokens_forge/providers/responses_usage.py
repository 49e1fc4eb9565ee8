"""Usage and failure in the words of OpenAI's Responses protocol.

Source of the rules: OpenAI's API reference of responses. `input_tokens` includes the cached ones; reasoning is inside
`output_tokens`; clients require the details of both.
"""

from __future__ import annotations

from typing import Any

from tokens_forge.pricing import Usage
from tokens_forge.providers.counting import details_of, tokens_of

# What a provider says of itself. Any other code is about the request, and no backup would answer it better.
_PROVIDERS_FAULTS = ("server_error", "rate_limit_exceeded", "vector_store_timeout", None)


def usage_of(raw: object) -> Usage | None:
    """The provider's usage in disjoint buckets; None when it is missing or cannot be true."""
    if not isinstance(raw, dict):
        return None
    sent, output = tokens_of(raw.get("input_tokens")), tokens_of(raw.get("output_tokens"))
    if sent is None or output is None:
        return None
    details = details_of(raw, "input_tokens_details")
    cached = min(tokens_of(details.get("cached_tokens")) or 0, sent)
    written = min(tokens_of(details.get("cache_write_tokens")) or 0, sent - cached)
    reasoning = min(tokens_of(details_of(raw, "output_tokens_details").get("reasoning_tokens")) or 0, output)
    return Usage(
        input=sent - cached - written, cached_input=cached, cache_write=written, output=output, reasoning=reasoning
    )


def usage_shown(usage: Usage) -> dict[str, Any]:
    """Usage for a client, with the details that it requires."""
    return {
        "input_tokens": usage.input_side,
        "input_tokens_details": {"cached_tokens": usage.cached_input, "cache_write_tokens": usage.cache_write},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.input_side + usage.output,
    }


def with_details(raw: dict[str, Any], usage: Usage) -> dict[str, Any]:
    """The provider's usage, with whatever a client requires and the provider left out."""
    shown = usage_shown(usage)
    for name in ("input_tokens_details", "output_tokens_details"):
        shown[name] = {**shown[name], **details_of(raw, name)}
    return {**shown, **{name: value for name, value in raw.items() if name not in shown}}


def is_providers_fault(response: dict[str, Any]) -> bool:
    """Whether a failed response failed for a reason that another channel may not have."""
    return details_of(response, "error").get("code") in _PROVIDERS_FAULTS
