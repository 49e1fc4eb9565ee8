"""The OpenAI Responses protocol over a channel that speaks it: what is sent, and how a whole response is read."""

from __future__ import annotations

from tokens_forge.channels import Channel
from tokens_forge.providers.counting import object_of, output_bytes
from tokens_forge.providers.openai_chat import bearer_headers
from tokens_forge.providers.openai_responses_stream import ResponsesReader
from tokens_forge.providers.port import UpstreamFailure
from tokens_forge.providers.responses_usage import is_providers_fault, usage_of, usage_shown, with_details
from tokens_forge.providers.wire import WholeAnswer
from tokens_forge.quotes import Quote
from tokens_forge.requests.inference import encode

_ENDED = ("completed", "incomplete", "failed")  # no set: a provider may send a list, which none could be asked for


class ResponsesWire:
    """Implements `wire.Wire` for a channel that speaks OpenAI's protocol."""

    def path(self, quoted: Quote, channel: Channel) -> str:
        """Always the same."""
        return "/responses"

    def headers(self, credential: str, quoted: Quote) -> dict[str, str]:
        """A bearer token."""
        return bearer_headers(credential)

    def body(self, quoted: Quote, channel: Channel) -> bytes:
        """The client's body with the upstream's model name and the output limit that was held for.

        The provider stores by default; what it stores in our account no client could read again, so it is told not to.
        """
        return encode(
            {
                **quoted.request.fields,
                "model": channel.models[quoted.offer.model.model_id],
                "max_output_tokens": quoted.output_tokens_each,
                "store": False,
            }
        )

    def whole(self, body: bytes, quoted: Quote, now_s: int) -> WholeAnswer:
        """Read a response, under our public model name. One that failed by the provider's fault is no answer."""
        response = object_of(body)
        output, status = response.get("output"), response.get("status", "completed")
        if not isinstance(output, list) or status not in _ENDED:
            raise UpstreamFailure("garbage", "no response")
        if status == "failed" and is_providers_fault(response):
            raise UpstreamFailure("failed")
        usage = usage_of(response.get("usage"))
        if usage is not None:
            response["usage"] = with_details(response["usage"], usage)
        response["model"] = quoted.offer.model.model_id
        return WholeAnswer(response, usage, output_bytes(output), usage_shown)

    def reader(self, quoted: Quote, request_id: str, now_s: int) -> ResponsesReader:
        """A new reader for one stream."""
        return ResponsesReader(quoted, request_id, now_s)
