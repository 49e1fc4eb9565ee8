"""A request to OpenAI's Responses endpoint. It is served without state: whatever the model is to know stands in the request."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from tokens_forge.endpoints import Endpoint
from tokens_forge.errors import RequestError
from tokens_forge.requests.chat import MESSAGES_MAX, TOOL_TYPES
from tokens_forge.requests.inference import InferenceRequest, checked
from tokens_forge.requests.media import Media
from tokens_forge.requests.refusals import (
    OPENAI_TIERS,
    UNPRICED_OF_OPENAI,
    refuse_cache_breakpoint,
    refuse_cache_options,
    refuse_stored,
    refuse_tier,
    refuse_unpriced,
)

_UNPRICED = (*UNPRICED_OF_OPENAI, "background_options", "context_management")
_STORED = ("previous_response_id", "conversation", "prompt")
# Items without a part list of their own: their bytes are counted as they stand. Tuples: a client may call a type anything, also a
# list, which no set could be asked for.
_TEXT_ITEMS = ("function_call", "custom_tool_call", "reasoning")
_OUTPUT_ITEMS = ("function_call_output", "custom_tool_call_output")
_TEXT_PARTS = ("input_text", "output_text", "refusal")


class ResponsesBody(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True)
    model: Annotated[str, Field(min_length=1, max_length=200)]
    input: str | Annotated[list[dict[str, Any]], Field(min_length=1, max_length=MESSAGES_MAX)]
    instructions: str | None = None
    stream: bool | None = None
    max_output_tokens: Annotated[int, Field(ge=1)] | None = None
    tools: list[dict[str, Any]] | None = None
    store: bool | None = None
    background: bool | None = None
    reasoning: dict[str, Any] | None = None


def parse_responses(fields: dict[str, Any]) -> InferenceRequest:
    """Check a body. Raises RequestError with the field in `param`."""
    body = checked(ResponsesBody, fields)
    refuse_unpriced(fields, _UNPRICED)
    refuse_stored(fields, _STORED)
    refuse_tier(fields, OPENAI_TIERS)
    refuse_cache_options(fields)
    if body.store:
        raise RequestError("Nothing is stored here: leave store out, or set it to false.", param="store")
    if body.background:
        raise RequestError("Answers are given at once, not in the background.", param="background")
    if (body.reasoning or {}).get("mode") not in (None, "standard"):
        raise RequestError("Only the standard reasoning mode has a price here.", param="reasoning.mode")
    for index, tool in enumerate(body.tools or ()):
        if tool.get("type") not in TOOL_TYPES:
            raise RequestError(f"Tools of type {tool.get('type')!r} have no price here.", param=f"tools.{index}.type")
    media = Media()
    items = body.input if isinstance(body.input, list) else []
    for index, item in enumerate(items):
        _take_item(item, f"input.{index}", media)
    return InferenceRequest(
        endpoint=Endpoint.RESPONSES,
        fields=fields,
        model=body.model,
        stream=bool(body.stream),
        output_tokens_asked=body.max_output_tokens,
        message_count=max(len(items), 1) + (body.instructions is not None),
        tool_count=len(body.tools or ()),
        image_count=media.images,
        document_count=media.documents,
        text_bytes=media.text_bytes(fields),
    )


def _take_item(item: dict[str, Any], where: str, media: Media) -> None:
    item_type = item.get("type", "message" if "role" in item else None)
    if item_type == "message":
        _take_parts(item.get("content"), f"{where}.content", media)
    elif item_type in _OUTPUT_ITEMS:
        _take_parts(item.get("output"), f"{where}.output", media)
    elif item_type not in _TEXT_ITEMS:
        raise RequestError(f"Input items of type {item_type!r} are not offered here.", param=f"{where}.type")


def _take_parts(parts: object, where: str, media: Media) -> None:
    for part in parts if isinstance(parts, list) else ():
        part_type = part.get("type") if isinstance(part, dict) else None
        if part_type in _TEXT_PARTS:
            refuse_cache_breakpoint(part, where)
            continue
        if part_type not in ("input_image", "input_file"):
            raise RequestError(f"Content parts of type {part_type!r} have no price here.", param=where)
        if part.get("file_id") is not None:
            raise RequestError("Send the content itself: stored files are not offered here.", param=where)
        if part_type == "input_image":
            media.add_image(part.get("image_url"))
        else:
            media.add_document(part.get("file_data"))
        refuse_cache_breakpoint(part, where)
