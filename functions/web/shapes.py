"""JSON as every application answers it, as types: what the OpenAPI documents are made of. Nothing here runs in a request.

A type lists every field of an answer. The tests refuse a field that is not listed, and one that is listed and missing.
"""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired

from pydantic import Field, WithJsonSchema

# Built by Pydantic, which takes the standard library's TypedDict from Python 3.12 on only.
from typing_extensions import TypedDict

from tokens_forge.errors import ErrorClass
from tokens_forge.wallets import WalletKind

Amount = Annotated[
    str,
    WithJsonSchema({"type": "string", "pattern": r"^-?[0-9]+\.[0-9]{2,9}$", "examples": ["12.50"]}),
]
GivenAmount = Annotated[
    str,
    WithJsonSchema(
        {"type": "string", "pattern": r"^[0-9]{1,15}(\.[0-9]{1,9})?$", "examples": ["12.50"]}
        | {"description": "In the wallet's currency."}
    ),
]
Currency = Annotated[str, WithJsonSchema({"type": "string", "pattern": "^[A-Z]{3}$", "examples": ["USD"]})]
Moment = Annotated[
    str, WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-11-24T13:48:00.123Z"]})
]
Count = Annotated[int, Field(ge=0)]

# The same object, with a name that is no word of Python.
ErrorFacts = TypedDict(
    "ErrorFacts",
    {
        "class": ErrorClass,
        "wallet": NotRequired[WalletKind],
        "currency": NotRequired[Currency],
        "needed": NotRequired[Amount],
        "available": NotRequired[Amount],
        "held": NotRequired[Amount],
        "affordable_output_tokens": NotRequired[Count],
        "limit": NotRequired[str],
        "remedy": NotRequired[str],
    },
)
ErrorFacts.__doc__ = (
    "`class` says which part of the product stands in the way; the rest says by how much, and what helps."
)


class Problem(TypedDict):
    """`code` is for programs, `message` for people; `param` names the field of the request that is wrong."""

    message: str
    type: str
    param: str | None
    code: str | None
    forge: ErrorFacts


class Error(TypedDict):
    """Every error, on every path, in OpenAI's shape."""

    error: Problem


class AnthropicError(TypedDict):
    """The same error, in Anthropic's shape: `error.type` is Anthropic's word for it."""

    type: Literal["error"]
    error: Problem


class Health(TypedDict):
    """The process is up."""

    status: Literal["ok"]
