"""OpenAI's older completions protocol. Chunks and usage look as they do in chat; the output stands in `text`."""

from __future__ import annotations

from tokens_forge.channels import Channel
from tokens_forge.providers.counting import object_of, output_bytes
from tokens_forge.providers.openai_chat import ChatReader, bearer_headers, choices_of, usage_of, usage_shown
from tokens_forge.providers.wire import WholeAnswer
from tokens_forge.quotes import Quote
from tokens_forge.requests.inference import InferenceRequest, encode


class CompletionsWire:
    """Implements `wire.Wire` for a channel that speaks OpenAI's protocol."""

    def path(self, quoted: Quote, channel: Channel) -> str:
        """Always the same."""
        return "/completions"

    def headers(self, credential: str, quoted: Quote) -> dict[str, str]:
        """A bearer token."""
        return bearer_headers(credential)

    def body(self, quoted: Quote, channel: Channel) -> bytes:
        """The client's body with the upstream's model name, the output limit that was held for, and usage asked for."""
        request = quoted.request
        fields = {
            **request.fields,
            "model": channel.models[quoted.offer.model.model_id],
            "max_tokens": quoted.output_tokens_each,
        }
        if request.stream:
            fields["stream_options"] = {**(fields.get("stream_options") or {}), "include_usage": True}
        return encode(fields)

    def whole(self, body: bytes, quoted: Quote, now_s: int) -> WholeAnswer:
        """Read a completion, under our public model name."""
        answer = object_of(body)
        written = sum(output_bytes(choice.get("text")) for choice in choices_of(answer))
        answer["model"] = quoted.offer.model.model_id
        made = max(written - _echoed_bytes(quoted.request), 0)
        return WholeAnswer(answer, usage_of(answer.get("usage")), made, usage_shown)

    def reader(self, quoted: Quote, request_id: str, now_s: int) -> CompletionsReader:
        """A new reader for one stream."""
        return CompletionsReader(quoted, request_id, now_s)


class CompletionsReader(ChatReader):
    """Implements `wire.StreamReader`."""

    id_prefix = "cmpl"
    chunk_object = "text_completion"
    output_field = "text"

    @property
    def output_bytes(self) -> int:
        """UTF-8 bytes of output so far, without the echo of the prompt."""
        return max(self.written_bytes - _echoed_bytes(self._quoted.request), 0)


def _echoed_bytes(request: InferenceRequest) -> int:
    """What comes back of the prompt itself, when the client asked for that: it is no output."""
    return request.prompt_bytes * (request.fields.get("n") or 1) if request.fields.get("echo") else 0
