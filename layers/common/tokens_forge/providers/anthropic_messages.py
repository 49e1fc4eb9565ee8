"""Anthropic's Messages protocol over a channel that speaks it.

Source of the rules: Anthropic's API reference of messages and of streaming. A stream begins with `message_start`; `message_delta`
says why it stopped and what was used; `message_stop` ends it; `ping` means nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tokens_forge.channels import Channel
from tokens_forge.error_shapes import anthropic_body
from tokens_forge.errors import ForgeError
from tokens_forge.pricing import Usage
from tokens_forge.providers.anthropic_usage import usage_of, usage_shown
from tokens_forge.providers.counting import details_of, object_of, output_bytes
from tokens_forge.providers.port import UpstreamFailure
from tokens_forge.providers.sse import data_event, raw_event
from tokens_forge.providers.wire import WholeAnswer
from tokens_forge.quotes import Quote
from tokens_forge.requests.inference import encode
from tokens_forge.requests.messages import VERSION_HEADER

VERSION = "2023-06-01"
_PASSED = frozenset({"content_block_start", "content_block_delta", "content_block_stop", "ping"})


def key_headers(credential: str, quoted: Quote | None = None) -> dict[str, str]:
    """Anthropic's way to send a credential, with the version that the client named; ours where there is no client.

    `anthropic-beta` is not passed on: a beta can change what is charged.
    """
    passed = quoted.request.passed_headers if quoted is not None else {}
    return {"x-api-key": credential, VERSION_HEADER: VERSION, **passed}


def content_of(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """The blocks of a message. Raises UpstreamFailure("garbage") when there is no list of them."""
    content = answer.get("content")
    if not isinstance(content, list) or not all(isinstance(block, dict) for block in content):
        raise UpstreamFailure("garbage", "no content")
    return content


class MessagesWire:
    """Implements `wire.Wire` for a channel that speaks Anthropic's protocol."""

    def path(self, quoted: Quote, channel: Channel) -> str:
        """Always the same."""
        return "/messages"

    def headers(self, credential: str, quoted: Quote) -> dict[str, str]:
        """The key and the version."""
        return key_headers(credential, quoted)

    def body(self, quoted: Quote, channel: Channel) -> bytes:
        """The client's body with the upstream's model name and the output limit that was held for."""
        model = channel.models[quoted.offer.model.model_id]
        return encode({**quoted.request.fields, "model": model, "max_tokens": quoted.output_tokens_each})

    def whole(self, body: bytes, quoted: Quote, now_s: int) -> WholeAnswer:
        """Read a message, under our public model name."""
        answer = object_of(body)
        written = output_bytes(content_of(answer))
        answer["model"] = quoted.offer.model.model_id
        return WholeAnswer(answer, usage_of(answer.get("usage")), written, usage_shown)

    def reader(self, quoted: Quote, request_id: str, now_s: int) -> MessagesReader:
        """A new reader for one stream."""
        return MessagesReader(quoted)


class MessagesMeter:
    """What a reader of Anthropic's streams knows of its stream, whatever the client is to get for its events."""

    def __init__(self) -> None:
        self.raw_usage: dict[str, Any] = {}
        self.stop: dict[str, Any] | None = None
        self.output_bytes = 0
        self._began = False
        self._is_counted = False

    @property
    def usage(self) -> Usage | None:
        """The final usage. Before the last count there is none: a stream begins with a guess of its output."""
        return usage_of(self.raw_usage) if self._is_counted else None

    @property
    def finished(self) -> bool:
        """Whether the provider said why it stopped."""
        return self.stop is not None

    def meter(self, event: dict[str, Any]) -> str:
        """The type of an event, after metering it. Raises UpstreamFailure."""
        event_type = event.get("type")
        if event_type == "error":
            raise UpstreamFailure("error_event")
        if not isinstance(event_type, str):
            raise UpstreamFailure("garbage", "an event without a type")
        if event_type == "ping":
            return event_type
        if self._began is (event_type == "message_start"):
            raise UpstreamFailure("garbage", "out of order")
        if event_type == "content_block_delta":
            self.output_bytes += output_bytes(event.get("delta"))
        elif event_type == "message_start":
            if not isinstance(event.get("message"), dict):
                raise UpstreamFailure("garbage", "no message")
            self._began = True
            self.raw_usage.update(details_of(event["message"], "usage"))
        elif event_type == "message_delta":
            self._take_last(event)
        elif event_type == "content_block_start":
            self.output_bytes += output_bytes(event.get("content_block"))
        return event_type

    def _take_last(self, event: dict[str, Any]) -> None:
        delta = details_of(event, "delta")
        if isinstance(delta.get("stop_reason"), str):
            self.stop = delta
        usage = {name: value for name, value in details_of(event, "usage").items() if value is not None}
        if usage:
            self._is_counted = True
            self.raw_usage.update(usage)


class MessagesReader(MessagesMeter):
    """Implements `wire.StreamReader`. The event with the usage is held back until the receipt is written."""

    def __init__(self, quoted: Quote) -> None:
        super().__init__()
        self._model_id = quoted.offer.model.model_id

    def take(self, payload: bytes) -> bytes | None:
        """Meter one event and make it ours. None after the end."""
        event = object_of(payload)
        event_type = self.meter(event)
        if event_type in _PASSED:
            return raw_event(payload, event_type)
        if event_type == "message_start":
            event["message"]["model"] = self._model_id
            return data_event(event, event_type)
        return None if event_type == "message_stop" else b""

    def closing(self, receipt: Mapping[str, Any], charged: Usage | None) -> bytes:
        """Why it stopped, with usage and receipt, and the end."""
        usage = self.raw_usage if self.usage is not None else charged and usage_shown(charged)
        last = {"type": "message_delta", "delta": self.stop, "usage": usage, "forge_receipt": receipt}
        return data_event(last, "message_delta") + data_event({"type": "message_stop"}, "message_stop")

    def broken(self, error: ForgeError, receipt: Mapping[str, Any], charged: Usage | None) -> bytes:
        """An error event, and no end."""
        return data_event(anthropic_body(error), "error")
