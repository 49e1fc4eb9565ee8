"""Chat completions over a channel that speaks Anthropic's Messages protocol: translated both ways."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tokens_forge.channels import Channel
from tokens_forge.errors import ForgeError
from tokens_forge.pricing import Usage
from tokens_forge.providers.anthropic_messages import MessagesMeter, content_of, key_headers
from tokens_forge.providers.anthropic_usage import usage_of
from tokens_forge.providers.chat_to_messages import messages_body
from tokens_forge.providers.counting import details_of, object_of, output_bytes
from tokens_forge.providers.openai_chat import usage_shown
from tokens_forge.providers.sse import data_event
from tokens_forge.providers.tool_calls import call_of
from tokens_forge.providers.wire import WholeAnswer
from tokens_forge.quotes import Quote
from tokens_forge.requests.inference import encode

_FINISH_REASONS = {
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}


def finish_reason(stop_reason: object) -> str:
    """OpenAI's word for why an answer ended."""
    return _FINISH_REASONS.get(stop_reason, "stop") if isinstance(stop_reason, str) else "stop"


class ChatOverAnthropicWire:
    """Implements `wire.Wire`."""

    def path(self, quoted: Quote, channel: Channel) -> str:
        """Always the same."""
        return "/messages"

    def headers(self, credential: str, quoted: Quote) -> dict[str, str]:
        """The key and the version."""
        return key_headers(credential, quoted)

    def body(self, quoted: Quote, channel: Channel) -> bytes:
        """The client's conversation, translated, with the output limit that was held for."""
        model = channel.models[quoted.offer.model.model_id]
        return encode(messages_body(quoted.request.fields, model, quoted.output_tokens_each))

    def whole(self, body: bytes, quoted: Quote, now_s: int) -> WholeAnswer:
        """Read a message as a completion."""
        answer = object_of(body)
        content = content_of(answer)
        usage = usage_of(answer.get("usage"))
        text = "".join(str(block.get("text", "")) for block in content if block.get("type") == "text")
        message: dict[str, Any] = {"role": "assistant", "content": text or None, "refusal": None}
        calls = [call_of(block) for block in content if block.get("type") == "tool_use"]
        if calls:
            message["tool_calls"] = calls
        completion = {
            "id": str(answer.get("id", "")),
            "object": "chat.completion",
            "created": now_s,
            "model": quoted.offer.model.model_id,
            "choices": [
                {
                    "index": 0,
                    "message": message,
                    "logprobs": None,
                    "finish_reason": finish_reason(answer.get("stop_reason")),
                }
            ],
        }
        if usage is not None:
            completion["usage"] = usage_shown(usage)
        return WholeAnswer(completion, usage, output_bytes(content), usage_shown)

    def reader(self, quoted: Quote, request_id: str, now_s: int) -> ChatOverAnthropicReader:
        """A new reader for one stream."""
        return ChatOverAnthropicReader(quoted, request_id, now_s)


class ChatOverAnthropicReader(MessagesMeter):
    """Implements `wire.StreamReader`: events of a message come in, chunks of a completion go out."""

    def __init__(self, quoted: Quote, request_id: str, now_s: int) -> None:
        super().__init__()
        self._include_usage = quoted.request.include_usage
        self._head: dict[str, Any] = {
            "id": f"chatcmpl-{request_id}",
            "object": "chat.completion.chunk",
            "created": now_s,
            "model": quoted.offer.model.model_id,
        }
        self._calls: dict[object, int] = {}  # a block's index → the number of its tool call
        self._silent_calls: set[object] = set()  # those whose arguments have not begun

    def take(self, payload: bytes) -> bytes | None:
        """Meter one event; the chunk that stands for it, if any. None after the end."""
        event = object_of(payload)
        finished_before = self.finished
        match self.meter(event):
            case "message_start":
                return self._chunk({"role": "assistant", "content": ""})
            case "content_block_delta":
                return self._delta(event, details_of(event, "delta"))
            case "content_block_start":
                return self._begin(event, details_of(event, "content_block"))
            case "content_block_stop":
                return self._end(event)
            case "message_delta" if self.stop is not None and not finished_before:
                return self._chunk({}, finish_reason(self.stop["stop_reason"]))
            case "message_stop":
                return None
        return b""

    def closing(self, receipt: Mapping[str, Any], charged: Usage | None) -> bytes:
        """The usage chunk, when the client asked for it, and the end mark."""
        done = b"data: [DONE]\n\n"
        if not self._include_usage:
            return done
        usage = self.usage or charged
        shown = usage_shown(usage) if usage is not None else None
        return data_event({**self._head, "choices": [], "usage": shown, "forge_receipt": receipt}) + done

    def broken(self, error: ForgeError, receipt: Mapping[str, Any], charged: Usage | None) -> bytes:
        """An error event, and no end mark."""
        return data_event(error.body())

    def _delta(self, event: dict[str, Any], delta: dict[str, Any]) -> bytes:
        text, arguments = delta.get("text"), delta.get("partial_json")
        if text and isinstance(text, str):
            return self._chunk({"content": text})
        if arguments and isinstance(arguments, str):
            self._silent_calls.discard(_index_of(event))
            return self._arguments(event, arguments)
        return b""

    def _begin(self, event: dict[str, Any], block: dict[str, Any]) -> bytes:
        if block.get("type") != "tool_use":
            return self._delta(event, block)  # a block of text may begin with some of it
        number = self._calls.setdefault(_index_of(event), len(self._calls))
        self._silent_calls.add(_index_of(event))
        function = {"name": block.get("name"), "arguments": ""}
        call = {"index": number, "id": block.get("id"), "type": "function", "function": function}
        return self._chunk({"tool_calls": [call]})

    def _end(self, event: dict[str, Any]) -> bytes:
        """A call without arguments says nothing here, and `{}` in OpenAI's protocol."""
        if _index_of(event) not in self._silent_calls:
            return b""
        self._silent_calls.discard(_index_of(event))
        return self._arguments(event, "{}")

    def _arguments(self, event: dict[str, Any], text: str) -> bytes:
        call = {"index": self._calls.get(_index_of(event), 0), "function": {"arguments": text}}
        return self._chunk({"tool_calls": [call]})

    def _chunk(self, delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return data_event({**self._head, "choices": [choice]})


def _index_of(event: dict[str, Any]) -> int:
    index = event.get("index")
    return index if type(index) is int else 0
