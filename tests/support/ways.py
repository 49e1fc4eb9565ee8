"""Every way a request can take: an endpoint, over a channel protocol that carries it.

A test that takes a `Way` says once what holds on all of them, and the way knows the words of each protocol.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from local import demo
from tests.support.deployment import MODEL, Deployment, demo_channel
from tests.support.http import Api, Event
from tokens_forge.channels import Channel
from tokens_forge.endpoints import CARRIERS, OPENAI, Endpoint
from tokens_forge.wallets import WalletKind

PROMPT = "Say hello."
UPSTREAM_MODEL = "upstream-name"


@dataclass(frozen=True)
class Way:
    """One endpoint over one protocol."""

    endpoint: Endpoint
    protocol: str

    def __str__(self) -> str:
        return f"{self.endpoint.value}-over-{self.protocol}"

    @property
    def path(self) -> str:
        """After the base URL."""
        return self.endpoint.path.removeprefix("/v1")

    @property
    def streams(self) -> bool:
        return self.endpoint is not Endpoint.EMBEDDINGS

    @property
    def is_anthropic_upstream(self) -> bool:
        return self.protocol != OPENAI

    @property
    def upstream_path(self) -> str:
        """Where the provider is called, with the base URL's own path."""
        if self.is_anthropic_upstream:
            return "/v1/messages"
        return "/v1/chat/completions" if self.endpoint is Endpoint.MESSAGES else self.endpoint.path

    def install(self, deployment: Deployment, upstream_url: str, channel_id: str = "way") -> Channel:
        """Sell the test model on every endpoint, over a channel of this protocol."""
        model = next(model for model in demo.models() if model.model_id == MODEL)
        deployment.catalogs.put_model(WalletKind.OFFICIAL, replace(model, endpoints=tuple(Endpoint)))
        channel = replace(
            demo_channel(upstream_url, channel_id), protocol=self.protocol, models={MODEL: UPSTREAM_MODEL}
        )
        deployment.route(channel)
        return channel

    def body(self, *, stream: bool = False, limit: int | None = 50, **fields: Any) -> dict[str, Any]:
        """A small request."""
        words: dict[Endpoint, dict[str, Any]] = {
            Endpoint.CHAT: {"messages": [{"role": "user", "content": PROMPT}]},
            Endpoint.COMPLETIONS: {"prompt": PROMPT},
            Endpoint.EMBEDDINGS: {"input": PROMPT},
            Endpoint.RESPONSES: {"input": PROMPT},
            Endpoint.MESSAGES: {"messages": [{"role": "user", "content": PROMPT}]},
        }
        limit_field = "max_output_tokens" if self.endpoint is Endpoint.RESPONSES else "max_tokens"
        body = {"model": MODEL, **words[self.endpoint]}
        if limit is not None and self.streams:
            body[limit_field] = limit
        if stream:
            body["stream"] = True
            if self.endpoint in (Endpoint.CHAT, Endpoint.COMPLETIONS):
                body["stream_options"] = {"include_usage": True}
        return {**body, **fields}

    def usage(self, sent: Any, made: Any) -> dict[str, Any]:
        """The provider's usage, in its own words."""
        if self.is_anthropic_upstream:
            return {"input_tokens": sent, "output_tokens": made}
        if self.endpoint is Endpoint.RESPONSES:
            return {"input_tokens": sent, "output_tokens": made, "total_tokens": 0}
        if self.endpoint is Endpoint.EMBEDDINGS:
            return {"prompt_tokens": sent}
        return {"prompt_tokens": sent, "completion_tokens": made}

    def error_frame(self) -> bytes:
        """The provider's report of its own failure in the middle of a stream."""
        if self.is_anthropic_upstream:
            return b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"x"}}\n\n'
        if self.endpoint is Endpoint.RESPONSES:
            return b'event: error\ndata: {"type":"error","code":"server_error","message":"x","sequence_number":9}\n\n'
        return b'data: {"error":{"message":"x","type":"server_error","code":null}}\n\n'

    def call(self, api: Api, *, streamed: bool, **fields: Any) -> tuple[Any, list[Event]]:
        """The response, and the events of a stream."""
        if streamed:
            return api.events(self.path, self.body(stream=True, **fields))
        return api.post(self.path, self.body(**fields)), []

    def text(self, response: Any, events: list[Event]) -> str:
        """What the client reads, whole or put together from a stream."""
        if not events:
            return self._whole_text(response.json())
        found = ""
        for event in events:
            if event.data == "[DONE]":
                continue
            if self.endpoint is Endpoint.CHAT:
                found += "".join(choice["delta"].get("content") or "" for choice in event.data.get("choices", ()))
            elif self.endpoint is Endpoint.COMPLETIONS:
                found += "".join(choice["text"] for choice in event.data.get("choices", ()))
            elif event.name == "response.output_text.delta":
                found += event.data["delta"]
            elif event.name == "content_block_delta":
                found += event.data["delta"].get("text", "")
        return found

    def receipt_and_usage(self, response: Any, events: list[Event]) -> tuple[Any, Any]:
        """The summary of the receipt and the usage that the client is told."""
        if not events:
            return response.json()["forge_receipt"], response.json()["usage"]
        if self.endpoint is Endpoint.RESPONSES:
            last = events[-1].data["response"]
            return last["forge_receipt"], last["usage"]
        last = events[-2].data
        return last["forge_receipt"], last["usage"]

    def is_broken_off(self, events: list[Event]) -> bool:
        """Whether a stream ends with an error in the protocol's own shape."""
        last = events[-1]
        if self.endpoint is Endpoint.RESPONSES:
            response = last.data["response"]
            return (last.name, response["status"]) == ("response.failed", "failed")
        if self.endpoint is Endpoint.MESSAGES:
            return (last.name, last.data["type"]) == ("error", "error")
        return (last.name, last.data["error"]["code"]) == (None, "stream_broken")

    def _whole_text(self, body: dict[str, Any]) -> str:
        if self.endpoint is Endpoint.CHAT:
            return str(body["choices"][0]["message"]["content"])
        if self.endpoint is Endpoint.COMPLETIONS:
            return str(body["choices"][0]["text"])
        if self.endpoint is Endpoint.RESPONSES:
            return "".join(part["text"] for item in body["output"] for part in item["content"])
        if self.endpoint is Endpoint.MESSAGES:
            return "".join(block["text"] for block in body["content"])
        return str(body["data"][0]["embedding"])


WAYS = [Way(endpoint, protocol) for endpoint, protocols in CARRIERS.items() for protocol in protocols]
STREAMED = [(way, streamed) for way in WAYS for streamed in ((False, True) if way.streams else (False,))]
