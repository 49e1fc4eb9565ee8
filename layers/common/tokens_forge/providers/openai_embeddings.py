"""OpenAI's embeddings protocol. Numbers come as a list of floats, or as base64 of little-endian 32-bit floats."""

from __future__ import annotations

import struct
from base64 import b64decode, b64encode
from typing import Any

from tokens_forge.channels import Channel
from tokens_forge.pricing import Usage
from tokens_forge.providers.counting import details_of, object_of, tokens_of
from tokens_forge.providers.openai_chat import bearer_headers
from tokens_forge.providers.port import UpstreamFailure
from tokens_forge.providers.wire import StreamReader, WholeAnswer
from tokens_forge.quotes import Quote
from tokens_forge.requests.inference import encode

_FLOAT_BYTES = 4


class EmbeddingsWire:
    """Implements `wire.Wire` for a channel that speaks OpenAI's protocol."""

    def path(self, quoted: Quote, channel: Channel) -> str:
        """Always the same."""
        return "/embeddings"

    def headers(self, credential: str, quoted: Quote) -> dict[str, str]:
        """A bearer token."""
        return bearer_headers(credential)

    def body(self, quoted: Quote, channel: Channel) -> bytes:
        """The client's body with the upstream's model name."""
        return encode({**quoted.request.fields, "model": channel.models[quoted.offer.model.model_id]})

    def whole(self, body: bytes, quoted: Quote, now_s: int) -> WholeAnswer:
        """Read the vectors, in the encoding that the client asked for whatever the provider made of it.

        One official client turns floats that it did not ask for into an empty vector, without a word.
        """
        answer = object_of(body)
        data = answer.get("data")
        if not isinstance(data, list) or not all(isinstance(one, dict) for one in data):
            raise UpstreamFailure("garbage", "no vectors")
        as_base64 = quoted.request.fields.get("encoding_format") == "base64"
        for one in data:
            one["embedding"] = _encoded(one.get("embedding"), as_base64=as_base64)
        answer["model"] = quoted.offer.model.model_id
        return WholeAnswer(answer, _usage_of(answer.get("usage")), len(data), _usage_shown)

    def reader(self, quoted: Quote, request_id: str, now_s: int) -> StreamReader:
        """Nothing is streamed: the request's parser refuses it."""
        raise NotImplementedError


def _encoded(vector: object, *, as_base64: bool) -> object:
    if not vector or not isinstance(vector, list | str):
        raise UpstreamFailure("garbage", "not a vector")
    try:
        if as_base64 and isinstance(vector, list):
            return b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
        if not as_base64 and isinstance(vector, str):
            packed = b64decode(vector, validate=True)
            return list(struct.unpack(f"<{len(packed) // _FLOAT_BYTES}f", packed))
    except (struct.error, OverflowError, ValueError):
        raise UpstreamFailure("garbage", "not a vector") from None
    return vector


def _usage_of(raw: object) -> Usage | None:
    """The provider's usage; None when it is missing or cannot be true."""
    if not isinstance(raw, dict):
        return None
    prompt = tokens_of(raw.get("prompt_tokens"))
    if prompt is None:
        return None
    cached = min(tokens_of(details_of(raw, "prompt_tokens_details").get("cached_tokens")) or 0, prompt)
    return Usage(input=prompt - cached, cached_input=cached)


def _usage_shown(usage: Usage) -> dict[str, Any]:
    return {"prompt_tokens": usage.input_side, "total_tokens": usage.input_side}
