"""Answers of the inference endpoints, as types: what every client reads. They are the provider's own, so there may be more in them.

Only what the gateway sees to is required.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired

from pydantic import ConfigDict, Field, with_config
from typing_extensions import TypedDict

from functions.proxy.document.account import PendingReceipt, ReceiptSummary
from functions.web.shapes import Count

ForgeReceipt = ReceiptSummary | PendingReceipt
_open = with_config(ConfigDict(extra="allow"))


@_open
class ChatUsage(TypedDict):
    """Tokens in OpenAI's words: `prompt_tokens` includes cached ones, `completion_tokens` reasoning."""

    prompt_tokens: Count
    completion_tokens: NotRequired[Count]
    total_tokens: NotRequired[Count]


@_open
class ChatCompletion(TypedDict):
    """OpenAI's chat completion."""

    id: NotRequired[str]
    object: NotRequired[Literal["chat.completion"]]
    created: NotRequired[int]
    model: str
    choices: list[dict[str, Any]]
    usage: NotRequired[ChatUsage]
    forge_receipt: ForgeReceipt


@_open
class Completion(TypedDict):
    """OpenAI's older completion."""

    id: NotRequired[str]
    object: NotRequired[Literal["text_completion"]]
    created: NotRequired[int]
    model: str
    choices: list[dict[str, Any]]
    usage: NotRequired[ChatUsage]
    forge_receipt: ForgeReceipt


@_open
class Embedding(TypedDict):
    """One vector: numbers, or base64 of little-endian 32-bit floats when that was asked for."""

    object: NotRequired[Literal["embedding"]]
    index: NotRequired[Count]
    embedding: Annotated[str, Field(min_length=1)] | Annotated[list[float], Field(min_length=1)]


@_open
class Embeddings(TypedDict):
    """OpenAI's list of embeddings."""

    object: NotRequired[Literal["list"]]
    model: str
    data: list[Embedding]
    usage: NotRequired[ChatUsage]
    forge_receipt: ForgeReceipt


@_open
class ResponseUsage(TypedDict):
    """Tokens in the words of the Responses API. The details are always there: clients require them."""

    input_tokens: Count
    input_tokens_details: dict[str, Any]
    output_tokens: Count
    output_tokens_details: dict[str, Any]
    total_tokens: Count


@_open
class Response(TypedDict):
    """OpenAI's response."""

    id: NotRequired[str]
    object: NotRequired[Literal["response"]]
    model: str
    status: NotRequired[Literal["completed", "incomplete", "failed"]]
    output: list[Any]
    usage: NotRequired[ResponseUsage]
    forge_receipt: ForgeReceipt


@_open
class MessageUsage(TypedDict):
    """Tokens in Anthropic's words: `input_tokens` leaves out what was read from a cache or written to it."""

    input_tokens: Count
    output_tokens: Count
    cache_creation_input_tokens: NotRequired[Count | None]
    cache_read_input_tokens: NotRequired[Count | None]


@_open
class Message(TypedDict):
    """Anthropic's message."""

    id: NotRequired[str]
    type: NotRequired[Literal["message"]]
    role: NotRequired[Literal["assistant"]]
    model: str
    content: list[dict[str, Any]]
    stop_reason: NotRequired[str | None]
    usage: NotRequired[MessageUsage]
    forge_receipt: ForgeReceipt


class Chunk(TypedDict):
    """One event of a stream: a chunk as JSON, or the end mark `[DONE]`.

    The last chunk has `usage` and `forge_receipt`, when `stream_options.include_usage` asks for it. A stream that breaks ends with
    an error and without the end mark.
    """

    data: str


class ResponseEvent(TypedDict):
    """One event of a stream. `forge_receipt` is in the response of the last one: completed, incomplete or failed."""

    event: str
    data: str


class MessageEvent(TypedDict):
    """One event of a stream. `forge_receipt` is in `message_delta`. A stream that breaks ends with an `error`."""

    event: str
    data: str
