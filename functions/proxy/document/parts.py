"""What is inside inference bodies, as types: messages and their parts, tools, and the options that have a price."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

StoredFile = Annotated[None, Field(description="Anything but null is refused: send the content itself.")]


class _Open(BaseModel):
    """Other fields go to the provider as they are."""

    model_config = ConfigDict(extra="allow")


class CacheBreakpoint(_Open):
    """OpenAI's mark on a content part: only the standard life of a cache entry has a price."""

    ttl: Literal["30m"] | None = None


class CacheOptions(_Open):
    """OpenAI's cache options: only the standard life of a cache entry has a price."""

    ttl: Literal["30m"] | None = None
    prewarm: Literal[False] | None = None


class FiveMinuteCache(_Open):
    """Anthropic's mark of a cache entry: only five minutes have a price."""

    ttl: Literal["5m"] | None = None


class Reasoning(_Open):
    """Only the standard mode has a price."""

    mode: Literal["standard"] | None = None


# ---- chat completions


class ChatTextPart(_Open):
    """Text."""

    type: Literal["text", "refusal"]
    prompt_cache_breakpoint: CacheBreakpoint | None = None


class ChatImagePart(_Open):
    """An image, by its address or as a data URL: it counts as the model's maximum for one image."""

    type: Literal["image_url"]
    image_url: Any = None
    prompt_cache_breakpoint: CacheBreakpoint | None = None


class FileData(_Open):
    """A file's content."""

    file_data: str
    file_id: StoredFile = None


class ChatFilePart(_Open):
    """A document: it counts as the model's maximum for one document."""

    type: Literal["file"]
    file: FileData
    prompt_cache_breakpoint: CacheBreakpoint | None = None


ChatPart = Annotated[ChatTextPart | ChatImagePart | ChatFilePart, Field(discriminator="type")]


class ChatMessage(_Open):
    """A message, in OpenAI's words."""

    role: str
    content: str | list[ChatPart] | None = None
    audio: Annotated[None, Field(description="Anything but null is refused: audio has no price here.")] = None


class ChatTool(_Open):
    """A tool that the client runs itself. Any other runs at the provider, at its own price."""

    type: Literal["function", "custom"] = "function"


# ---- responses


class ResponseTextPart(_Open):
    """Text."""

    type: Literal["input_text", "output_text", "refusal"]
    prompt_cache_breakpoint: CacheBreakpoint | None = None


class ResponseMediaPart(_Open):
    """An image or a document: it counts as the model's maximum for one of its sort."""

    type: Literal["input_image", "input_file"]
    file_id: StoredFile = None
    prompt_cache_breakpoint: CacheBreakpoint | None = None


ResponsePart = ResponseTextPart | ResponseMediaPart


class ResponseMessage(_Open):
    """A message. Its type may be left out."""

    type: Literal["message"] = "message"
    role: str
    content: str | list[ResponsePart]


class ResponseToolOutput(_Open):
    """What a tool of the client's found."""

    type: Literal["function_call_output", "custom_tool_call_output"]
    output: str | list[ResponsePart]


class ResponseTextItem(_Open):
    """An earlier call or reasoning: its bytes count as text."""

    type: Literal["function_call", "custom_tool_call", "reasoning"]


ResponseItem = ResponseMessage | ResponseToolOutput | ResponseTextItem


class ResponseTool(_Open):
    """A tool that the client runs itself. Any other runs at the provider, at its own price."""

    type: Literal["function", "custom"]


# ---- messages


class TextBlock(_Open):
    """Text, earlier thinking, or a call."""

    type: Literal["text", "thinking", "redacted_thinking", "tool_use", "search_result"]
    cache_control: FiveMinuteCache | None = None


class MediaSource(_Open):
    """The content itself."""

    type: Literal["base64", "url", "text", "content"]


class MediaBlock(_Open):
    """An image or a document: it counts as the model's maximum for one of its sort, text as text."""

    type: Literal["image", "document"]
    source: MediaSource
    cache_control: FiveMinuteCache | None = None


class ToolResultBlock(_Open):
    """What a tool of the client's found, in blocks of its own."""

    type: Literal["tool_result"]
    content: str | list[TextBlock | MediaBlock] | None = None
    cache_control: FiveMinuteCache | None = None


Block = Annotated[TextBlock | MediaBlock | ToolResultBlock, Field(discriminator="type")]


class AnthropicMessage(_Open):
    """A message, in Anthropic's words."""

    role: str
    content: str | list[Block]


class AnthropicTool(_Open):
    """A tool that the client runs itself. Any other runs at the provider, at its own price."""

    type: Literal["custom"] | None = None
    cache_control: FiveMinuteCache | None = None
