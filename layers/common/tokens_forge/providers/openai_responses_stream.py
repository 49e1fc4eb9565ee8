"""A stream in OpenAI's Responses protocol. Every event has a name; the last one carries the whole response with its usage.

That last event is held back until the request is settled, because the receipt stands in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tokens_forge.errors import ForgeError
from tokens_forge.pricing import Usage
from tokens_forge.providers.counting import object_of, output_bytes
from tokens_forge.providers.port import UpstreamFailure
from tokens_forge.providers.responses_usage import is_providers_fault, usage_of, usage_shown, with_details
from tokens_forge.providers.sse import data_event, raw_event
from tokens_forge.quotes import Quote

_LAST = frozenset({"response.completed", "response.incomplete", "response.failed"})


class ResponsesReader:
    """Implements `wire.StreamReader`. Events that only add text pass on as they came."""

    def __init__(self, quoted: Quote, request_id: str, now_s: int) -> None:
        self._model_id = quoted.offer.model.model_id
        # Until the provider describes the response, it looks like this.
        self._response: dict[str, Any] = {
            "id": f"resp_{request_id}",
            "object": "response",
            "created_at": now_s,
            "output": [],
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
        }
        self._began = False
        self._last: dict[str, Any] | None = None
        self._sequence_number = 0
        self.output_bytes = 0

    @property
    def usage(self) -> Usage | None:
        """The usage of the last event, when it can be true."""
        return usage_of(self._response.get("usage"))

    @property
    def finished(self) -> bool:
        """Whether the provider ended the response, and not by a fault of its own."""
        if self._last is None:
            return False
        return self._last["type"] != "response.failed" or not is_providers_fault(self._response)

    def take(self, payload: bytes) -> bytes | None:
        """Meter one event and make it ours. None after the last one, which is kept for `closing` or `broken`."""
        if payload == b"[DONE]":
            return None
        event = object_of(payload)
        event_type = event.get("type")
        if not isinstance(event_type, str) or not event_type.isprintable():
            raise UpstreamFailure("garbage", "an event without a type")
        if event_type == "error":
            raise UpstreamFailure("error_event")
        number = event.get("sequence_number")
        self._sequence_number = number if type(number) is int else self._sequence_number + 1
        if isinstance(event.get("response"), dict):
            return self._take_response(event, event_type)
        if not self._began:
            raise UpstreamFailure("garbage", "not begun")
        if event_type.endswith(".delta"):
            self.output_bytes += output_bytes(event.get("delta"))
        return raw_event(payload, event_type)

    def closing(self, receipt: Mapping[str, Any], charged: Usage | None) -> bytes:
        """The provider's last event, with usage and receipt in it."""
        assert self._last is not None, "a stream is only closed when it is finished"
        return self._ended(self._last, receipt, charged)

    def broken(self, error: ForgeError, receipt: Mapping[str, Any], charged: Usage | None) -> bytes:
        """The response as far as it is known, as failed: in the provider's words when it said so itself."""
        if self._last is None:
            self._response.update(status="failed", error={"code": "server_error", "message": error.message})
            self._last = {"type": "response.failed", "sequence_number": self._sequence_number + 1}
        return self._ended(self._last, receipt, charged)

    def _take_response(self, event: dict[str, Any], event_type: str) -> bytes | None:
        """An event that describes the whole response: its first, its last, or one about its state."""
        if not self._began and event_type != "response.created":
            raise UpstreamFailure("failed" if event_type == "response.failed" else "garbage", event_type)
        self._began = True
        self._response = event["response"]
        self._response["model"] = self._model_id
        if event_type not in _LAST:
            return data_event(event, event_type)
        self.output_bytes = max(self.output_bytes, output_bytes(self._response.get("output")))
        self._last = event
        return None

    def _ended(self, event: dict[str, Any], receipt: Mapping[str, Any], charged: Usage | None) -> bytes:
        usage, shown = self.usage, None
        if usage is not None:
            shown = with_details(self._response["usage"], usage)
        elif charged is not None:
            shown = usage_shown(charged)
        response = {**self._response, "usage": shown, "forge_receipt": receipt}
        return data_event({**event, "response": response}, event["type"])
