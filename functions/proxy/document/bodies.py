"""Bodies of inference requests, as types: the fields that are checked or priced. Every other field goes to the provider as it is.

Each is the model by which the parser checks a body, narrowed to what the parser looks at afterwards.
tests/api/test_bodies.py compares them with every example of docs/pricing-fields.md.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from functions.proxy.document.parts import (
    AnthropicMessage,
    AnthropicTool,
    Block,
    CacheOptions,
    ChatMessage,
    ChatTool,
    FiveMinuteCache,
    Reasoning,
    ResponseItem,
    ResponseTool,
)
from tokens_forge.requests.chat import CHOICES_MAX, MESSAGES_MAX, ChatBody
from tokens_forge.requests.completions import CompletionsBody
from tokens_forge.requests.embeddings import INPUTS_MAX, EmbeddingsBody
from tokens_forge.requests.messages import MessagesBody
from tokens_forge.requests.prompts import TOKEN_MAX
from tokens_forge.requests.responses import ResponsesBody

Refused = Annotated[None, Field(description="Anything but null is refused: it has a price of its own.")]
Stored = Annotated[None, Field(description="Anything but null is refused: it refers to what a provider has stored.")]

Tokens = Annotated[list[Annotated[int, Field(ge=0, le=TOKEN_MAX)]], Field(min_length=1)]
Text = Annotated[str, Field(min_length=1)]
Prompt = Text | Tokens | Annotated[list[Text | Tokens], Field(min_length=1, max_length=CHOICES_MAX)]
Input = Text | Tokens | Annotated[list[Text | Tokens], Field(min_length=1, max_length=INPUTS_MAX)]


class OpenAITerms(BaseModel):
    """What every endpoint of OpenAI's refuses, and the only tiers that the price list is for."""

    service_tier: Literal["auto", "default"] | None = None
    web_search_options: Refused = None
    search_parameters: Refused = None
    enable_search: Refused = None
    plugins: Refused = None
    models: Refused = None
    moderation: Refused = None


class ChatCompletionRequest(ChatBody, OpenAITerms):
    """OpenAI's chat completion request."""

    messages: Annotated[list[ChatMessage], Field(min_length=1, max_length=MESSAGES_MAX)]  # type: ignore[assignment]
    tools: list[ChatTool] | None = None  # type: ignore[assignment]
    prompt_cache_options: CacheOptions | None = None
    modalities: Annotated[list[Literal["text"]], Field(min_length=1, max_length=1)] | None = None
    audio: Refused = None


class ResponseRequest(ResponsesBody, OpenAITerms):
    """OpenAI's request for a response. It is served without state: whatever the model is to know stands in it."""

    input: str | Annotated[list[ResponseItem], Field(min_length=1, max_length=MESSAGES_MAX)]  # type: ignore[assignment]
    tools: list[ResponseTool] | None = None  # type: ignore[assignment]
    store: Literal[False] | None = None
    background: Literal[False] | None = None
    reasoning: Reasoning | None = None  # type: ignore[assignment]
    prompt_cache_options: CacheOptions | None = None
    previous_response_id: Stored = None
    conversation: Stored = None
    prompt: Stored = None
    background_options: Refused = None
    context_management: Refused = None


class MessageRequest(MessagesBody):
    """Anthropic's message request. Without `max_tokens` the model's default is used."""

    messages: Annotated[list[AnthropicMessage], Field(min_length=1, max_length=MESSAGES_MAX)]  # type: ignore[assignment]
    system: str | list[Block] | None = None  # type: ignore[assignment]
    tools: list[AnthropicTool] | None = None  # type: ignore[assignment]
    service_tier: Literal["auto", "standard_only"] | None = None
    inference_geo: Literal["global"] | None = None
    cache_control: FiveMinuteCache | None = None
    container: Refused = None
    mcp_servers: Refused = None
    context_management: Refused = None
    fallbacks: Refused = None
    speed: Refused = None


class CompletionRequest(CompletionsBody, OpenAITerms):
    """OpenAI's older completion request. `best_of` is at least `n`, and 1 in a stream."""

    prompt: Prompt


class EmbeddingRequest(EmbeddingsBody, OpenAITerms):
    """OpenAI's request for embeddings."""

    input: Input


InferenceRequest = ChatCompletionRequest | ResponseRequest | MessageRequest | CompletionRequest | EmbeddingRequest
