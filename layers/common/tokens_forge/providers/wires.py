"""Which wire carries which endpoint over which channel protocol: one for every pair of `endpoints.CARRIERS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tokens_forge.endpoints import ANTHROPIC, OPENAI, Endpoint
from tokens_forge.providers.anthropic_messages import MessagesWire, key_headers
from tokens_forge.providers.chat_over_anthropic import ChatOverAnthropicWire
from tokens_forge.providers.messages_over_openai import MessagesOverOpenAIWire
from tokens_forge.providers.openai_chat import ChatWire, bearer_headers
from tokens_forge.providers.openai_completions import CompletionsWire
from tokens_forge.providers.openai_embeddings import EmbeddingsWire
from tokens_forge.providers.openai_responses import ResponsesWire
from tokens_forge.providers.wire import Wires

# How a credential is sent where there is no request: for the list of models.
CREDENTIAL_HEADERS: Mapping[str, Callable[[str], dict[str, str]]] = {OPENAI: bearer_headers, ANTHROPIC: key_headers}

WIRES: Wires = {
    (Endpoint.CHAT, OPENAI): ChatWire(),
    (Endpoint.CHAT, ANTHROPIC): ChatOverAnthropicWire(),
    (Endpoint.COMPLETIONS, OPENAI): CompletionsWire(),
    (Endpoint.EMBEDDINGS, OPENAI): EmbeddingsWire(),
    (Endpoint.RESPONSES, OPENAI): ResponsesWire(),
    (Endpoint.MESSAGES, ANTHROPIC): MessagesWire(),
    (Endpoint.MESSAGES, OPENAI): MessagesOverOpenAIWire(),
}
