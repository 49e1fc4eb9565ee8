"""Which wire carries which endpoint over which channel protocol."""

from __future__ import annotations

from tokens_forge.providers.openai_chat import ChatWire
from tokens_forge.providers.wire import Wires
from tokens_forge.requests import chat

WIRES: Wires = {(chat.ENDPOINT, "openai"): ChatWire()}
