"""The inference endpoints, and which channel protocols can carry each: one table that listing, quote and call go by.

`providers.wires` has a wire for every pair in it, and for no other; a test keeps both equal.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Endpoint(StrEnum):
    """An inference endpoint, by the name that catalogs, receipts and `?endpoint=` use."""

    CHAT = "chat.completions"
    COMPLETIONS = "completions"
    EMBEDDINGS = "embeddings"
    RESPONSES = "responses"
    MESSAGES = "messages"

    @property
    def path(self) -> str:
        """Where it is served."""
        return "/v1/" + self.value.replace(".", "/")


OPENAI = "openai"
ANTHROPIC = "anthropic"

# The endpoint's own protocol first; a channel of another one is reached by translation.
CARRIERS: Mapping[Endpoint, tuple[str, ...]] = {
    Endpoint.CHAT: (OPENAI, ANTHROPIC),
    Endpoint.COMPLETIONS: (OPENAI,),
    Endpoint.EMBEDDINGS: (OPENAI,),
    Endpoint.RESPONSES: (OPENAI,),
    Endpoint.MESSAGES: (ANTHROPIC, OPENAI),
}


def carries(protocol: str, endpoint: Endpoint) -> bool:
    """Whether a channel of this protocol can take a request of this endpoint."""
    return protocol in CARRIERS[endpoint]


def is_native(protocol: str, endpoint: Endpoint) -> bool:
    """Whether the protocol is the endpoint's own, so that every field can be passed on."""
    return CARRIERS[endpoint][0] == protocol
