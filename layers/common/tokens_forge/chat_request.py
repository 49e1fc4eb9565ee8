"""A chat completion request as a client sends it: checked where money or routing depends on it, passed through elsewhere."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated, Any, NoReturn

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tokens_forge.errors import RequestError

MESSAGES_MAX = 10_000
CHOICES_MAX = 128
PASSED_PART_TYPES = frozenset({"text", "refusal", "image_url"})

# Fields that make a provider charge for something that our prices do not hold. They are refused, never ignored.
_UNPRICED_FIELDS = ("web_search_options", "audio")
_PRICED_SERVICE_TIERS = (None, "auto", "default")


class _StreamOptions(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True)
    include_usage: bool | None = None


class _ChatBody(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True)
    model: Annotated[str, Field(min_length=1, max_length=200)]
    messages: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=MESSAGES_MAX)]
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    n: Annotated[int, Field(ge=1, le=CHOICES_MAX)] | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    tools: list[dict[str, Any]] | None = None


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """What the gateway needs to know of a request. `fields` is the whole body; media data counts apart from `text_bytes`."""

    fields: dict[str, Any]
    model: str
    stream: bool
    include_usage: bool
    choices: int
    output_tokens_asked: int | None
    message_count: int
    tool_count: int
    image_count: int
    text_bytes: int


def parse_json(body: bytes) -> dict[str, Any]:
    """The body as a JSON object. Raises RequestError on anything else."""
    try:
        fields = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise RequestError(f"The body is not valid JSON: {_short(error)}") from None
    if not isinstance(fields, dict):
        raise RequestError("The body must be a JSON object.")
    return fields


def parse_chat(fields: dict[str, Any]) -> ChatRequest:
    """Check a body. Raises RequestError with the field in `param`."""
    try:
        body = _ChatBody.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        raise RequestError(f"{where}: {first['msg']}", param=where) from None
    _refuse_unpriced(fields)
    asked = [limit for limit in (body.max_tokens, body.max_completion_tokens) if limit is not None]
    image_count = sum(_count_images(index, message) for index, message in enumerate(body.messages))
    return ChatRequest(
        fields=fields,
        model=body.model,
        stream=bool(body.stream),
        include_usage=bool(body.stream_options and body.stream_options.include_usage),
        choices=body.n or 1,
        output_tokens_asked=min(asked) if asked else None,
        message_count=len(body.messages),
        tool_count=len(body.tools or ()),
        image_count=image_count,
        text_bytes=_text_bytes(fields, has_images=image_count > 0),
    )


def encode(fields: dict[str, Any]) -> bytes:
    """Compact UTF-8 JSON. Raises RequestError for text that is not Unicode (half a surrogate pair)."""
    try:
        return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        raise RequestError("The body holds half a surrogate pair, which is not text.") from None


def _refuse_unpriced(fields: dict[str, Any]) -> None:
    for name in _UNPRICED_FIELDS:
        if fields.get(name) is not None:
            raise RequestError(f"{name} has a price of its own, which is not offered here.", param=name)
    if fields.get("service_tier") not in _PRICED_SERVICE_TIERS:
        raise RequestError("Only the default service tier has a price here.", param="service_tier")
    modalities = fields.get("modalities")
    if modalities is not None and modalities != ["text"]:
        raise RequestError("Only text output has a price here.", param="modalities")


def _count_images(index: int, message: dict[str, Any]) -> int:
    parts = message.get("content")
    if not isinstance(parts, list):
        return 0
    images = 0
    for part in parts:
        part_type = part.get("type") if isinstance(part, dict) else None
        if part_type not in PASSED_PART_TYPES:
            raise RequestError(
                f"Content parts of type {part_type!r} have no price here.", param=f"messages.{index}.content"
            )
        images += part_type == "image_url"
    return images


def _text_bytes(fields: dict[str, Any], *, has_images: bool) -> int:
    """UTF-8 bytes of everything that is sent but image data, which the media table prices."""
    if not has_images:
        return len(encode(fields))
    messages = [_without_images(message) for message in fields["messages"]]
    return len(encode({**fields, "messages": messages}))


def _without_images(message: dict[str, Any]) -> dict[str, Any]:
    parts = message.get("content")
    if not isinstance(parts, list):
        return message
    return {**message, "content": [part for part in parts if part.get("type") != "image_url"]}


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _short(error: BaseException) -> str:
    return str(error)[:200] if isinstance(error, ValueError) else "nested too deeply"
