"""Anthropic's Messages endpoint over a channel that speaks OpenAI's chat protocol: translated both ways."""

from __future__ import annotations

from typing import Any

from tokens_forge.channels import Channel
from tokens_forge.providers.anthropic_usage import usage_shown
from tokens_forge.providers.counting import details_of, object_of, output_bytes
from tokens_forge.providers.messages_from_chunks import MessagesOverOpenAIReader, stop_reason
from tokens_forge.providers.messages_to_chat import chat_body
from tokens_forge.providers.openai_chat import bearer_headers, choices_of, usage_of
from tokens_forge.providers.port import UpstreamFailure
from tokens_forge.providers.tool_calls import arguments_of
from tokens_forge.providers.wire import WholeAnswer
from tokens_forge.quotes import Quote
from tokens_forge.requests.inference import encode


class MessagesOverOpenAIWire:
    """Implements `wire.Wire`."""

    def path(self, quoted: Quote, channel: Channel) -> str:
        """Always the same."""
        return "/chat/completions"

    def headers(self, credential: str, quoted: Quote) -> dict[str, str]:
        """A bearer token."""
        return bearer_headers(credential)

    def body(self, quoted: Quote, channel: Channel) -> bytes:
        """The client's conversation, translated, with the output limit that was held for."""
        model = channel.models[quoted.offer.model.model_id]
        fields = chat_body(quoted.request.fields, model, channel.output_limit_field, quoted.output_tokens_each)
        return encode(fields)

    def whole(self, body: bytes, quoted: Quote, now_s: int) -> WholeAnswer:
        """Read a completion as a message."""
        answer = object_of(body)
        choices = choices_of(answer)
        if not choices:
            raise UpstreamFailure("garbage", "no choice")
        message, usage = details_of(choices[0], "message"), usage_of(answer.get("usage"))
        translated: dict[str, Any] = {
            "id": str(answer.get("id", "")),
            "type": "message",
            "role": "assistant",
            "model": quoted.offer.model.model_id,
            "content": _content(message, is_cut=choices[0].get("finish_reason") == "length"),
            "stop_reason": stop_reason(choices[0].get("finish_reason")),
            "stop_sequence": None,
        }
        if usage is not None:
            translated["usage"] = usage_shown(usage)
        return WholeAnswer(translated, usage, output_bytes(message), usage_shown)

    def reader(self, quoted: Quote, request_id: str, now_s: int) -> MessagesOverOpenAIReader:
        """A new reader for one stream."""
        return MessagesOverOpenAIReader(quoted, request_id)


def _content(message: dict[str, Any], *, is_cut: bool) -> list[dict[str, Any]]:
    """The message in blocks. The arguments of a call are whole, unless the answer was cut at its limit."""
    texts = [message.get("content"), message.get("refusal")]
    blocks: list[dict[str, Any]] = [
        {"type": "text", "text": text} for text in texts if isinstance(text, str) and text != ""
    ]
    calls = message.get("tool_calls")
    for call in calls if isinstance(calls, list) else ():
        if not isinstance(call, dict):
            raise UpstreamFailure("garbage", "a call that is no object")
        function = details_of(call, "function")
        try:
            arguments = arguments_of(function)
        except ValueError:
            if not is_cut:
                raise UpstreamFailure("garbage", "arguments of a call") from None
            arguments = {}
        blocks.append({"type": "tool_use", "id": call.get("id"), "name": function.get("name"), "input": arguments})
    return blocks
