"""A chat completion request as a client sends it: checked where money or routing depends on it, passed through elsewhere."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from tokens_forge.errors import RequestError
from tokens_forge.requests.inference import InferenceRequest, checked, encode

ENDPOINT = "chat.completions"

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


def parse_chat(fields: dict[str, Any]) -> InferenceRequest:
    """Check a body. Raises RequestError with the field in `param`."""
    body = checked(_ChatBody, fields)
    _refuse_unpriced(fields)
    asked = [limit for limit in (body.max_tokens, body.max_completion_tokens) if limit is not None]
    image_count = sum(_count_images(index, message) for index, message in enumerate(body.messages))
    return InferenceRequest(
        endpoint=ENDPOINT,
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
