"""Prompts as OpenAI's older endpoints take them: a text, a list of texts, one list of tokens, or several."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tokens_forge.errors import RequestError
from tokens_forge.requests.inference import encode

TOKEN_MAX = 2**31 - 1  # no vocabulary is larger; a number above it is no token


@dataclass(frozen=True, slots=True)
class Prompts:
    """How many prompts there are, the UTF-8 bytes of those that are text, and the tokens of those that are not.

    `longest_tokens_max` bounds the tokens of the longest one.
    """

    count: int
    text_bytes: int
    token_count: int
    longest_tokens_max: int


def count_prompts(given: object, *, param: str, count_max: int) -> Prompts:
    """Count what a client gave. Raises RequestError for anything else, also for an empty text or list."""
    found: list[Any]
    if isinstance(given, str) or _are_tokens(given):
        found = [given]
    elif isinstance(given, list):
        found = given
    else:
        raise RequestError(f"{param} must be a text, texts, or lists of tokens.", param=param)
    if not 1 <= len(found) <= count_max:
        raise RequestError(f"{param} must hold 1 to {count_max} prompts.", param=param)
    text_bytes, token_counts = [0], [0]
    for prompt in found:
        if isinstance(prompt, str) and prompt:
            text_bytes.append(len(encode(prompt)))
        elif _are_tokens(prompt):
            token_counts.append(len(prompt))
        else:
            raise RequestError(
                f"Each prompt in {param} must be a text or a list of tokens, and not empty.", param=param
            )
    longest = max(*text_bytes, *token_counts)
    return Prompts(len(found), sum(text_bytes), sum(token_counts), longest)


def _are_tokens(given: object) -> bool:
    return (
        isinstance(given, list)
        and bool(given)
        and all(type(token) is int and 0 <= token <= TOKEN_MAX for token in given)
    )
