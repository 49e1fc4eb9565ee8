"""The OpenAI chat completions protocol: what is sent, and how usage and output are read from what comes back.

Source of the rules: OpenAI's API reference of chat completions. `prompt_tokens` includes the cached ones; reasoning is inside
`completion_tokens`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tokens_forge.channels import Channel
from tokens_forge.errors import ForgeError
from tokens_forge.pricing import Usage
from tokens_forge.providers.counting import details_of, object_of, output_bytes, tokens_of
from tokens_forge.providers.port import UpstreamFailure
from tokens_forge.providers.sse import data_event
from tokens_forge.providers.wire import WholeAnswer
from tokens_forge.quotes import Quote
from tokens_forge.requests.inference import encode

DONE = b"[DONE]"


def bearer_headers(credential: str) -> dict[str, str]:
    """OpenAI's way to send a credential."""
    return {"authorization": f"Bearer {credential}"}


class ChatWire:
    """Implements `wire.Wire` for a channel that speaks OpenAI's protocol."""

    def path(self, quoted: Quote, channel: Channel) -> str:
        """Always the same."""
        return "/chat/completions"

    def headers(self, credential: str, quoted: Quote) -> dict[str, str]:
        """A bearer token."""
        return bearer_headers(credential)

    def body(self, quoted: Quote, channel: Channel) -> bytes:
        """The client's body with the upstream's model name, the output limit that was held for, and usage asked for."""
        request = quoted.request
        fields = {**request.fields, "model": channel.models[quoted.offer.model.model_id]}
        # Only the field that this channel knows: a limit under another name would be held for, and not be kept.
        for name in ("max_tokens", "max_completion_tokens"):
            fields.pop(name, None)
        fields[channel.output_limit_field] = quoted.output_tokens_each
        if request.stream:
            fields["stream_options"] = {**(fields.get("stream_options") or {}), "include_usage": True}
        return encode(fields)

    def whole(self, body: bytes, quoted: Quote, now_s: int) -> WholeAnswer:
        """Read a completion, under our public model name."""
        answer = object_of(body)
        written = sum(output_bytes(choice.get("message")) for choice in choices_of(answer))
        answer["model"] = quoted.offer.model.model_id
        return WholeAnswer(answer, usage_of(answer.get("usage")), written, usage_shown)

    def reader(self, quoted: Quote, request_id: str, now_s: int) -> ChatReader:
        """A new reader for one stream."""
        return ChatReader(quoted, request_id, now_s)


class ChatReader:
    """Implements `wire.StreamReader`. Every chunk has the identity of the first one, every choice begins with its role."""

    id_prefix = "chatcmpl"
    chunk_object = "chat.completion.chunk"
    output_field = "delta"  # where a choice has its new output

    def __init__(self, quoted: Quote, request_id: str, now_s: int) -> None:
        self._quoted = quoted
        self._identity: dict[str, Any] = {
            "id": f"{self.id_prefix}-{request_id}",
            "object": self.chunk_object,
            "created": now_s,
            "model": quoted.offer.model.model_id,
        }
        self._is_first = True
        self._raw_usage: object = None
        self._begun: set[int] = set()
        self._finished: set[int] = set()
        self.written_bytes = 0

    @property
    def output_bytes(self) -> int:
        """UTF-8 bytes of output so far."""
        return self.written_bytes

    @property
    def usage(self) -> Usage | None:
        """The last usage that was reported and can be true."""
        return usage_of(self._raw_usage)

    @property
    def finished(self) -> bool:
        """Whether every choice has its finish reason."""
        return len(self._finished) >= self._quoted.request.choices

    def take(self, payload: bytes) -> bytes | None:
        """Meter one event and make it ours; nothing for the client when it carries no choice."""
        if payload == DONE:
            return None
        event = object_of(payload)
        if event.get("error") is not None:
            raise UpstreamFailure("error_event")
        if event.get("usage") is not None:
            self._raw_usage = event["usage"]
        choices = choices_of(event)
        for choice in choices:
            self.written_bytes += output_bytes(choice.get(self.output_field))
            index = _index_of(choice)
            if index not in self._begun:
                self._begun.add(index)
                _name_role(choice.get("delta"))
            if choice.get("finish_reason") is not None:
                self._finished.add(index)
        if not choices:
            return b""
        if self._is_first:
            self._is_first = False
            self._identity.update({name: event[name] for name in ("id", "created") if event.get(name)})
        event.update(self._identity)
        event.pop("usage", None)
        return data_event(event)

    def closing(self, receipt: Mapping[str, Any], charged: Usage | None) -> bytes:
        """The usage chunk, when the client asked for it, and the end mark."""
        done = b"data: " + DONE + b"\n\n"
        if not self._quoted.request.include_usage:
            return done
        usage = self._raw_usage if self.usage is not None else charged and usage_shown(charged)
        return data_event({**self._identity, "choices": [], "usage": usage, "forge_receipt": receipt}) + done

    def broken(self, error: ForgeError, receipt: Mapping[str, Any], charged: Usage | None) -> bytes:
        """An error event, and no end mark."""
        return data_event(error.body())


def usage_of(raw: object) -> Usage | None:
    """The provider's usage in disjoint buckets; None when it is missing or cannot be true."""
    if not isinstance(raw, dict):
        return None
    prompt = tokens_of(raw.get("prompt_tokens"))
    output = tokens_of(raw.get("completion_tokens"))
    if prompt is None or output is None:
        return None
    prompt_details = details_of(raw, "prompt_tokens_details")
    output_details = details_of(raw, "completion_tokens_details")
    cached = min(tokens_of(prompt_details.get("cached_tokens")) or 0, prompt)
    written = min(tokens_of(prompt_details.get("cache_write_tokens")) or 0, prompt - cached)
    reasoning = min(tokens_of(output_details.get("reasoning_tokens")) or 0, output)
    return Usage(
        input=prompt - cached - written,
        cached_input=cached,
        cache_write=written,
        output=output,
        reasoning=reasoning,
    )


def usage_shown(usage: Usage) -> dict[str, Any]:
    """Usage for a client in OpenAI's words, when its provider gave none that can be read, or speaks another protocol."""
    return {
        "prompt_tokens": usage.input_side,
        "completion_tokens": usage.output,
        "total_tokens": usage.input_side + usage.output,
        "prompt_tokens_details": {"cached_tokens": usage.cached_input, "cache_write_tokens": usage.cache_write},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
    }


def choices_of(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """The choices of an answer or event. Raises UpstreamFailure("garbage") when there is no list of them."""
    choices = answer.get("choices")
    if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices):
        raise UpstreamFailure("garbage", "no choices")
    return choices


def _name_role(delta: object) -> None:
    """The role of an answer, when its provider left it out of the first delta: clients read it there."""
    if isinstance(delta, dict) and not delta.get("role"):
        delta["role"] = "assistant"


def _index_of(choice: dict[str, Any]) -> int:
    index = choice.get("index", 0)
    if type(index) is not int:
        raise UpstreamFailure("garbage", "a choice without a number")
    return index
