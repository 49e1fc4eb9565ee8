"""A chat completion request as a client sends it: checked where money or routing depends on it, passed through elsewhere."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from tokens_forge.endpoints import Endpoint
from tokens_forge.errors import RequestError
from tokens_forge.requests.inference import InferenceRequest, checked, encode
from tokens_forge.requests.media import Media
from tokens_forge.requests.refusals import (
    OPENAI_TIERS,
    UNPRICED_OF_OPENAI,
    refuse_cache_breakpoint,
    refuse_cache_options,
    refuse_tier,
    refuse_unpriced,
)

MESSAGES_MAX = 10_000
CHOICES_MAX = 128
TOOL_TYPES = ("function", "custom")  # any other tool runs at the provider, at its own price

# Another protocol has no word for these. A value in the list means the same as leaving the field out.
_NATIVE_FIELDS: dict[str, tuple[Any, ...]] = {
    "n": (1,),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "logit_bias": ({},),
    "response_format": ({"type": "text"},),
    "reasoning_effort": ("none",),
    "frequency_penalty": (0,),
    "presence_penalty": (0,),
    "prediction": (),
    "functions": (),
    "function_call": (),
    "store": (False,),
}


class StreamOptions(BaseModel):
    """What a client asks of a stream."""

    model_config = ConfigDict(extra="allow", strict=True)
    include_usage: bool | None = None


class ChatBody(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True)
    model: Annotated[str, Field(min_length=1, max_length=200)]
    messages: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=MESSAGES_MAX)]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: Annotated[int, Field(ge=1, le=CHOICES_MAX)] | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    tools: list[dict[str, Any]] | None = None
    functions: list[dict[str, Any]] | None = None


def parse_chat(fields: dict[str, Any]) -> InferenceRequest:
    """Check a body. Raises RequestError with the field in `param`."""
    body = checked(ChatBody, fields)
    refuse_unpriced(fields, (*UNPRICED_OF_OPENAI, "audio"))
    refuse_tier(fields, OPENAI_TIERS)
    refuse_cache_options(fields)
    if fields.get("modalities") not in (None, ["text"]):
        raise RequestError("Only text output has a price here.", param="modalities")
    for index, tool in enumerate(body.tools or ()):
        if tool.get("type", "function") not in TOOL_TYPES:
            raise RequestError(f"Tools of type {tool.get('type')!r} have no price here.", param=f"tools.{index}.type")
    media = Media()
    for index, message in enumerate(body.messages):
        _take_message(message, f"messages.{index}", media)
    asked = [limit for limit in (body.max_tokens, body.max_completion_tokens) if limit is not None]
    prediction = fields.get("prediction")
    return InferenceRequest(
        endpoint=Endpoint.CHAT,
        fields=fields,
        model=body.model,
        stream=bool(body.stream),
        include_usage=bool(body.stream_options and body.stream_options.include_usage),
        choices=body.n or 1,
        output_tokens_asked=min(asked) if asked else None,
        # Rejected tokens of a prediction are billed as output; there are at most as many as it has bytes.
        output_tokens_beside=len(encode(prediction)) if prediction is not None else 0,
        message_count=len(body.messages),
        tool_count=len(body.tools or ()) + len(body.functions or ()),
        image_count=media.images,
        document_count=media.documents,
        text_bytes=media.text_bytes(fields),
        native_only=_native_only(fields),
    )


def _take_message(message: dict[str, Any], where: str, media: Media) -> None:
    if message.get("audio") is not None:
        raise RequestError("Audio has no price here.", param=f"{where}.audio")
    parts = message.get("content")
    for part in parts if isinstance(parts, list) else ():
        part_type = part.get("type") if isinstance(part, dict) else None
        if part_type == "image_url":
            image = part.get("image_url")
            media.add_image(image.get("url") if isinstance(image, dict) else image)
        elif part_type == "file":
            _take_file(part.get("file"), f"{where}.content", media)
        elif part_type not in ("text", "refusal"):
            raise RequestError(f"Content parts of type {part_type!r} have no price here.", param=f"{where}.content")
        refuse_cache_breakpoint(part, f"{where}.content")


def _take_file(file: object, where: str, media: Media) -> None:
    if not isinstance(file, dict) or file.get("file_id") is not None or not isinstance(file.get("file_data"), str):
        raise RequestError("Send a file's content as file_data: stored files are not offered here.", param=where)
    media.add_document(file["file_data"])


def _native_only(fields: dict[str, Any]) -> str | None:
    """The first field that only OpenAI's own protocol can carry."""
    for name, neutral in _NATIVE_FIELDS.items():
        value = fields.get(name)
        if value is not None and value not in neutral:
            return name
    for index, tool in enumerate(fields.get("tools") or ()):
        if tool.get("type", "function") != "function":
            return f"tools.{index}.type"
    choice = fields.get("tool_choice")
    if isinstance(choice, dict) and choice.get("type") != "function":
        return "tool_choice"
    for index, message in enumerate(fields["messages"]):
        if message.get("role") == "function":
            return f"messages.{index}.role"
        parts = message.get("content")
        if isinstance(parts, list) and any(part.get("type") == "file" for part in parts):
            return f"messages.{index}.content"
    return None
