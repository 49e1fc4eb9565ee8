"""The parser of each endpoint's body."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tokens_forge.endpoints import Endpoint
from tokens_forge.requests.chat import parse_chat
from tokens_forge.requests.completions import parse_completions
from tokens_forge.requests.embeddings import parse_embeddings
from tokens_forge.requests.inference import InferenceRequest
from tokens_forge.requests.messages import parse_messages
from tokens_forge.requests.responses import parse_responses

PARSERS: Mapping[Endpoint, Callable[[dict[str, Any]], InferenceRequest]] = {
    Endpoint.CHAT: parse_chat,
    Endpoint.COMPLETIONS: parse_completions,
    Endpoint.EMBEDDINGS: parse_embeddings,
    Endpoint.RESPONSES: parse_responses,
    Endpoint.MESSAGES: parse_messages,
}
