"""What is refused because it has a price of its own or reads somebody's stored state. docs/pricing-fields.md lists it all.

A field is refused by name, so that a client learns of it. Nothing that would change the price is ever dropped in silence.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tokens_forge.errors import RequestError

# Known from providers that speak OpenAI's protocol: searches, plug-ins, other models in place of the one that was priced.
UNPRICED_OF_OPENAI = (
    "web_search_options",
    "search_parameters",
    "enable_search",
    "plugins",
    "models",
    "moderation",
)
OPENAI_TIERS = (None, "auto", "default")
OPENAI_CACHE_LIFE = (None, "30m")


def refuse_unpriced(fields: dict[str, Any], names: Iterable[str]) -> None:
    """Raises RequestError when one of the fields is given."""
    for name in names:
        if fields.get(name) is not None:
            raise RequestError(f"{name} has a price of its own, which is not offered here.", param=name)


def refuse_stored(fields: dict[str, Any], names: Iterable[str]) -> None:
    """Raises RequestError when one of the fields is given: it would bring in text that nobody here can count."""
    for name in names:
        if fields.get(name) is not None:
            raise RequestError(f"{name} refers to what a provider has stored; send the content itself.", param=name)


def refuse_tier(fields: dict[str, Any], priced: tuple[str | None, ...]) -> None:
    """Raises RequestError for a service tier other than the ones that the price list is for."""
    if fields.get("service_tier") not in priced:
        raise RequestError("Only the default service tier has a price here.", param="service_tier")


def refuse_cache_options(fields: dict[str, Any]) -> None:
    """OpenAI's cache options: raises RequestError for a longer life, and for filling the cache without an answer."""
    options = fields.get("prompt_cache_options")
    if not isinstance(options, dict):
        return
    if options.get("ttl") not in OPENAI_CACHE_LIFE:
        raise RequestError("Only the standard life of a cache entry has a price.", param="prompt_cache_options.ttl")
    if options.get("prewarm"):
        raise RequestError("Filling a cache without an answer has no price.", param="prompt_cache_options.prewarm")


def refuse_cache_breakpoint(part: dict[str, Any], where: str) -> None:
    """OpenAI's mark on a content part. Raises RequestError for a longer life of the cache entry."""
    mark = part.get("prompt_cache_breakpoint")
    if isinstance(mark, dict) and mark.get("ttl") not in OPENAI_CACHE_LIFE:
        raise RequestError("Only the standard life of a cache entry has a price.", param=where)
