"""What the scripted provider says on each path: a whole body, or the frames of a stream."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.support import chat_wire, completions_wire, embeddings_wire, messages_wire, responses_wire
from tests.support.behaviour import Behaviour

Request = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ProviderWire:
    """One protocol. Both take the behaviour, the request's body, and an id for the answer."""

    whole: Callable[[Behaviour, Request, str], bytes]
    frames: Callable[[Behaviour, Request, str], list[bytes]]


_CHAT = ProviderWire(chat_wire.completion, chat_wire.frames)
_BY_PATH = {
    "/v1/chat/completions": _CHAT,
    "/v1/completions": ProviderWire(completions_wire.completion, completions_wire.frames),
    "/v1/embeddings": ProviderWire(embeddings_wire.vectors, embeddings_wire.frames),
    "/v1/responses": ProviderWire(responses_wire.response, responses_wire.frames),
    "/v1/messages": ProviderWire(messages_wire.message, messages_wire.frames),
}


def wire_of(path: str) -> ProviderWire:
    """The protocol that a path speaks; chat on any path that is none of ours."""
    return _BY_PATH.get(path.partition("?")[0], _CHAT)
