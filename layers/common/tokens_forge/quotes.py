"""Quotes: the bound of a request, and what it will cost at most, before anything is sent.

No tokeniser runs here. A byte-level BPE token is at least one byte, so the UTF-8 bytes of the request are an upper bound of its
text tokens; what a provider's chat template adds is covered by a fixed overhead per message and per tool.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from tokens_forge.endpoints import ANTHROPIC, Endpoint, is_native
from tokens_forge.errors import RequestError
from tokens_forge.policy import Offer
from tokens_forge.pricing import Usage, affordable_output_tokens, price_usage, worst_charge_nano
from tokens_forge.requests.inference import BYTES_PER_TOKEN_TYPICAL, InferenceRequest

OVERHEAD_TOKENS_PER_MESSAGE = 8
OVERHEAD_TOKENS_PER_TOOL = 16
OVERHEAD_TOKENS_PER_REQUEST = 32
# Anthropic puts a system prompt of its own before any tools: at most 530 tokens by its published table, with room to grow.
TOOL_PROMPT_TOKENS = {ANTHROPIC: 1_000}
OUTPUT_TOKENS_WORTH_SENDING = 16


@dataclass(frozen=True, slots=True)
class Quote:
    """The most a request can cost. `output_tokens_each` is the limit of each choice that is really sent upstream."""

    offer: Offer
    request: InferenceRequest
    input_tokens_max: int
    output_tokens_each: int
    max_charge_nano: int

    @property
    def output_tokens_max(self) -> int:
        """Of all choices together."""
        return (self.output_tokens_each + self.request.output_tokens_beside) * self.request.choices

    def with_output(self, tokens_each: int) -> Quote:
        """The same request with this limit on each choice."""
        limited = replace(self, output_tokens_each=tokens_each)
        worst_nano = worst_charge_nano(self.input_tokens_max, limited.output_tokens_max, self.offer.price)
        return replace(limited, max_charge_nano=max(worst_nano, 1))  # a hold sets something aside

    @property
    def tokens_max(self) -> int:
        """Of the input and all choices together: the most that a provider can count for this request."""
        return self.input_tokens_max + self.output_tokens_max

    def typical_charge_nano(self) -> int:
        """What such a request usually costs: four bytes a token, the model's typical answer. Never above the maximum."""
        usage = Usage(
            input=min(estimated_tokens(self.request.prompt_bytes), self.input_tokens_max),
            output=min(self.offer.model.typical_output_tokens * self.request.choices, self.output_tokens_max),
        )
        return min(price_usage(usage, self.offer.price), self.max_charge_nano)


def quote(offer: Offer, request: InferenceRequest) -> Quote:
    """Bound and price a request. Raises RequestError when it holds something that has no price or cannot travel."""
    offer = _carried(offer, request)
    model = offer.model
    if not request.makes_output:
        each = 0
    elif request.output_tokens_asked is not None:
        each = min(request.output_tokens_asked, model.output_tokens_max)
    else:
        each = model.default_output_tokens
    return Quote(offer, request, _input_tokens_max(offer, request), 0, 0).with_output(each)


def affordable_output_each(quoted: Quote, available_nano: int) -> int:
    """The output limit of each choice that this balance can still pay for; -1 when it cannot even pay for the input."""
    affordable = affordable_output_tokens(available_nano, quoted.input_tokens_max, quoted.offer.price)
    each = affordable // quoted.request.choices - quoted.request.output_tokens_beside
    return max(-1, min(each, quoted.offer.model.output_tokens_max))


def clamp(quoted: Quote, available_nano: int) -> Quote | None:
    """A smaller quote that this balance can pay for; None when the client set the limit itself, or too little is left."""
    if quoted.request.output_tokens_asked is not None or not quoted.request.makes_output:
        return None
    each = min(affordable_output_each(quoted, available_nano), quoted.output_tokens_each)
    return quoted.with_output(each) if each >= OUTPUT_TOKENS_WORTH_SENDING else None


def _carried(offer: Offer, request: InferenceRequest) -> Offer:
    """The offer with the channels that can carry this very request: some fields cannot be translated."""
    if request.native_only is None:
        return offer
    channels = tuple(channel for channel in offer.channels if is_native(channel.protocol, request.endpoint))
    if not channels:
        raise RequestError(
            f"No channel of {offer.model.model_id!r} takes {request.native_only}: its providers speak another protocol.",
            param=request.native_only,
        )
    return replace(offer, channels=channels)


def _input_tokens_max(offer: Offer, request: InferenceRequest) -> int:
    model = offer.model
    for name, count, each_max in (
        ("images", request.image_count, model.image_tokens_max),
        ("documents", request.document_count, model.document_tokens_max),
    ):
        if count and each_max is None:
            where = "input" if request.endpoint is Endpoint.RESPONSES else "messages"
            raise RequestError(f"The model {model.model_id!r} takes no {name} here.", param=where)
    bound = (
        request.text_bytes
        + request.token_count
        + OVERHEAD_TOKENS_PER_REQUEST
        + OVERHEAD_TOKENS_PER_MESSAGE * request.message_count
        + OVERHEAD_TOKENS_PER_TOOL * request.tool_count
        + (model.image_tokens_max or 0) * request.image_count
        + (model.document_tokens_max or 0) * request.document_count
    )
    if request.tool_count:
        bound += max(TOOL_PROMPT_TOKENS.get(channel.protocol, 0) for channel in offer.channels)
    return bound


def estimated_tokens(text_bytes: int) -> int:
    """A customer-friendly guess for text whose tokens nobody reported: four bytes a token, rounded up."""
    return -(-text_bytes // BYTES_PER_TOKEN_TYPICAL)
