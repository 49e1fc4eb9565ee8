"""Chunks of a chat completion as the events of a message in Anthropic's protocol."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tokens_forge.error_shapes import anthropic_body
from tokens_forge.errors import ForgeError
from tokens_forge.pricing import Usage
from tokens_forge.providers.anthropic_usage import usage_shown
from tokens_forge.providers.counting import details_of, object_of, output_bytes
from tokens_forge.providers.openai_chat import DONE, choices_of, usage_of
from tokens_forge.providers.port import UpstreamFailure
from tokens_forge.providers.sse import data_event
from tokens_forge.quotes import Quote

_STOP_REASONS = {
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "refusal",
}


def stop_reason(finish_reason: object) -> str:
    """Anthropic's word for why an answer ended."""
    return _STOP_REASONS.get(finish_reason, "end_turn") if isinstance(finish_reason, str) else "end_turn"


class MessagesOverOpenAIReader:
    """Implements `wire.StreamReader`. One block is open at a time: a text, or a call of a tool."""

    def __init__(self, quoted: Quote, request_id: str) -> None:
        self._model_id = quoted.offer.model.model_id
        self._id = f"msg_{request_id}"
        self._began = False
        self._open: object = None  # "text", or the number of a call
        self._indexes: dict[object, int] = {}  # of the blocks of calls, by the number of the call
        self._blocks = 0
        self._finish_reason: str | None = None
        self._raw_usage: object = None
        self.output_bytes = 0

    @property
    def usage(self) -> Usage | None:
        """The last usage that was reported and can be true."""
        return usage_of(self._raw_usage)

    @property
    def finished(self) -> bool:
        """Whether the provider said why it stopped."""
        return self._finish_reason is not None

    def take(self, payload: bytes) -> bytes | None:
        """Meter one chunk; the events that stand for it. None after the end mark."""
        if payload == DONE:
            return None
        chunk = object_of(payload)
        if chunk.get("error") is not None:
            raise UpstreamFailure("error_event")
        if chunk.get("usage") is not None:
            self._raw_usage = chunk["usage"]
        events = b"" if self._began else self._begin()
        for choice in choices_of(chunk)[:1]:
            delta = details_of(choice, "delta")
            self.output_bytes += output_bytes(delta)
            events += self._text(delta.get("content")) + self._text(delta.get("refusal"))
            calls = delta.get("tool_calls")
            for call in calls if isinstance(calls, list) else ():
                events += self._call(call)
            if isinstance(choice.get("finish_reason"), str):
                self._finish_reason = choice["finish_reason"]
        return events

    def closing(self, receipt: Mapping[str, Any], charged: Usage | None) -> bytes:
        """The end of the open block, why it stopped, usage and receipt, and the end of the message."""
        usage = self.usage or charged
        last = {
            "type": "message_delta",
            "delta": {"stop_reason": stop_reason(self._finish_reason), "stop_sequence": None},
            "usage": usage_shown(usage) if usage is not None else None,
            "forge_receipt": receipt,
        }
        end = data_event({"type": "message_stop"}, "message_stop")
        return self._close() + data_event(last, "message_delta") + end

    def broken(self, error: ForgeError, receipt: Mapping[str, Any], charged: Usage | None) -> bytes:
        """An error event, and no end."""
        return data_event(anthropic_body(error), "error")

    def _begin(self) -> bytes:
        """What was sent is not known before the end: the usage that counts stands in `message_delta`."""
        self._began = True
        message: dict[str, Any] = {
            "id": self._id,
            "type": "message",
            "role": "assistant",
            "model": self._model_id,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": usage_shown(Usage()),
        }
        return data_event({"type": "message_start", "message": message}, "message_start")

    def _text(self, text: object) -> bytes:
        if not text or not isinstance(text, str):
            return b""
        begun = b"" if self._open == "text" else self._open_block("text", {"type": "text", "text": ""})
        return begun + self._delta(self._blocks - 1, {"type": "text_delta", "text": text})

    def _call(self, call: object) -> bytes:
        if not isinstance(call, dict):
            raise UpstreamFailure("garbage", "no call")
        number = call.get("index", 0)
        if type(number) is not int:
            raise UpstreamFailure("garbage", "a call without a number")
        function = details_of(call, "function")
        events = b""
        if number not in self._indexes:
            block: dict[str, Any] = {
                "type": "tool_use",
                "id": call.get("id"),
                "name": function.get("name"),
                "input": {},
            }
            events = self._open_block(number, block)
            self._indexes[number] = self._blocks - 1
        arguments = function.get("arguments")
        if arguments and isinstance(arguments, str):
            delta = {"type": "input_json_delta", "partial_json": arguments}
            events += self._delta(self._indexes[number], delta)
        return events

    def _open_block(self, name: object, block: dict[str, Any]) -> bytes:
        events = self._close()
        self._open = name
        self._blocks += 1
        start = {"type": "content_block_start", "index": self._blocks - 1, "content_block": block}
        return events + data_event(start, "content_block_start")

    def _close(self) -> bytes:
        if self._open is None:
            return b""
        self._open = None
        stop = {"type": "content_block_stop", "index": self._blocks - 1}
        return data_event(stop, "content_block_stop")

    def _delta(self, index: int, delta: dict[str, Any]) -> bytes:
        event = {"type": "content_block_delta", "index": index, "delta": delta}
        return data_event(event, "content_block_delta")
