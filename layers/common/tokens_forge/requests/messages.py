"""A request to Anthropic's Messages endpoint."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from tokens_forge.endpoints import Endpoint
from tokens_forge.errors import RequestError
from tokens_forge.requests.chat import MESSAGES_MAX
from tokens_forge.requests.inference import InferenceRequest, checked
from tokens_forge.requests.media import Media
from tokens_forge.requests.refusals import refuse_tier, refuse_unpriced

VERSION_HEADER = "anthropic-version"
TIERS = (None, "auto", "standard_only")
BLOCKS_DEPTH_MAX = 2  # a document within the result of a tool is the deepest that the protocol knows

# A container, a connector, compaction, a fast mode, a place of inference: each costs something of its own.
_UNPRICED = ("container", "mcp_servers", "context_management", "fallbacks", "speed")
# Tuples: a client may call a type anything, also a list, which no set could be asked for.
_TEXT_BLOCKS = ("text", "thinking", "redacted_thinking", "tool_use", "search_result")
_NATIVE_BLOCKS = ("document", "search_result")
# Another protocol has no word for these. A value in the list means the same as leaving the field out.
_NATIVE_FIELDS: dict[str, tuple[Any, ...]] = {
    "top_k": (),
    "thinking": ({"type": "disabled"},),
    "output_config": ({},),
}


class MessagesBody(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True)
    model: Annotated[str, Field(min_length=1, max_length=200)]
    messages: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=MESSAGES_MAX)]
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    system: str | list[dict[str, Any]] | None = None
    stream: bool | None = None
    tools: list[dict[str, Any]] | None = None
    stop_sequences: list[str] | None = None


def parse_messages(fields: dict[str, Any]) -> InferenceRequest:
    """Check a body. Raises RequestError with the field in `param`.

    The budget of `thinking` needs no price of its own: thinking is output, within `max_tokens`.
    """
    body = checked(MessagesBody, fields)
    refuse_unpriced(fields, _UNPRICED)
    refuse_tier(fields, TIERS)
    if fields.get("inference_geo") not in (None, "global"):
        raise RequestError("Only inference anywhere has a price here.", param="inference_geo")
    _refuse_long_cache(fields, "cache_control")
    for index, tool in enumerate(body.tools or ()):
        if tool.get("type") not in (None, "custom"):  # null says the same as leaving it out
            raise RequestError(f"Tools of type {tool['type']!r} have no price here.", param=f"tools.{index}.type")
        _refuse_long_cache(tool, f"tools.{index}.cache_control")
    media = Media()
    _take_blocks(body.system, "system", media)
    for index, message in enumerate(body.messages):
        _take_blocks(message.get("content"), f"messages.{index}.content", media)
    return InferenceRequest(
        endpoint=Endpoint.MESSAGES,
        fields=fields,
        model=body.model,
        stream=bool(body.stream),
        include_usage=True,
        output_tokens_asked=body.max_tokens,
        message_count=len(body.messages) + (body.system is not None),
        tool_count=len(body.tools or ()),
        image_count=media.images,
        document_count=media.documents,
        text_bytes=media.text_bytes(fields),
        native_only=_native_only(fields),
    )


def with_version(request: InferenceRequest, version: str | None) -> InferenceRequest:
    """The request with the protocol version that the client names, for a channel that speaks it. Raises RequestError."""
    if version is None:
        return request
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", version, re.ASCII):
        raise RequestError("A version is a date such as 2023-06-01.", param=VERSION_HEADER)
    return replace(request, passed_headers={VERSION_HEADER: version})


def _take_blocks(blocks: object, where: str, media: Media, depth: int = 0) -> None:
    if depth > BLOCKS_DEPTH_MAX:
        raise RequestError("Content blocks are nested too deeply.", param=where)
    for block in blocks if isinstance(blocks, list) else ():
        block_type = block.get("type") if isinstance(block, dict) else None
        if block_type == "tool_result":
            _take_blocks(block.get("content"), where, media, depth + 1)
        elif block_type in ("image", "document"):
            _take_source(block_type, block.get("source"), where, media, depth)
        elif block_type not in _TEXT_BLOCKS:
            raise RequestError(f"Content blocks of type {block_type!r} have no price here.", param=where)
        _refuse_long_cache(block, where)


def _take_source(block_type: str, source: object, where: str, media: Media, depth: int) -> None:
    source_type = source.get("type") if isinstance(source, dict) else None
    if not isinstance(source, dict) or source_type not in ("base64", "url", "text", "content"):
        raise RequestError("Send the content itself: stored files are not offered here.", param=where)
    if block_type == "image":
        media.add_image(source.get("data") or source.get("url"))
    elif source_type == "content":
        _take_blocks(source.get("content"), where, media, depth + 1)
    elif source_type in ("base64", "url"):
        media.add_document(source.get("data") or source.get("url"))


def _refuse_long_cache(block: dict[str, Any], where: str) -> None:
    mark = block.get("cache_control")
    if isinstance(mark, dict) and mark.get("ttl") not in (None, "5m"):
        raise RequestError("Only cache entries of five minutes have a price here.", param=where)


def _native_only(fields: dict[str, Any]) -> str | None:
    """The first field that only Anthropic's own protocol can carry."""
    for name, neutral in _NATIVE_FIELDS.items():
        value = fields.get(name)
        if value is not None and value not in neutral:
            return name
    if fields["messages"][-1].get("role") == "assistant":
        return "messages"  # the answer is to go on from this text: elsewhere it would begin anew
    for index, message in enumerate(fields["messages"]):
        blocks = message.get("content")
        if isinstance(blocks, list) and any(block["type"] in _NATIVE_BLOCKS for block in blocks):
            return f"messages.{index}.content"
    return None
