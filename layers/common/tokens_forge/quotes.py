"""Quotes: the bound of a request, and what it will cost at most, before anything is sent.

No tokeniser runs here. A byte-level BPE token is at least one byte, so the UTF-8 bytes of the request are an upper bound of its
text tokens; what a provider's chat template adds is covered by a fixed overhead per message and per tool.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from tokens_forge.errors import RequestError
from tokens_forge.policy import Offer
from tokens_forge.pricing import Usage, affordable_output_tokens, price_usage, worst_charge_nano
from tokens_forge.requests.inference import InferenceRequest

OVERHEAD_TOKENS_PER_MESSAGE = 8
OVERHEAD_TOKENS_PER_TOOL = 16
OVERHEAD_TOKENS_PER_REQUEST = 32
BYTES_PER_TOKEN_TYPICAL = 4  # OpenAI's published rule of thumb for English text; only for estimates, never for a hold
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
        return self.output_tokens_each * self.request.choices

    def typical_charge_nano(self) -> int:
        """What such a request usually costs: four bytes a token, the model's typical answer. Never above the maximum."""
        usage = Usage(
            input=min(estimated_tokens(self.request.text_bytes), self.input_tokens_max),
            output=min(self.offer.model.typical_output_tokens * self.request.choices, self.output_tokens_max),
        )
        return min(price_usage(usage, self.offer.price), self.max_charge_nano)


def quote(offer: Offer, request: InferenceRequest) -> Quote:
    """Bound and price a request. Raises RequestError when it holds something the model has no price for."""
    model = offer.model
    if request.image_count and model.image_tokens_max is None:
        raise RequestError(f"The model {model.model_id!r} takes no images here.", param="messages")
    input_tokens_max = (
        request.text_bytes
        + OVERHEAD_TOKENS_PER_REQUEST
        + OVERHEAD_TOKENS_PER_MESSAGE * request.message_count
        + OVERHEAD_TOKENS_PER_TOOL * request.tool_count
        + (model.image_tokens_max or 0) * request.image_count
    )
    asked = request.output_tokens_asked
    each = min(asked, model.output_tokens_max) if asked is not None else model.default_output_tokens
    if not request.makes_output:
        each = 0
    return Quote(
        offer=offer,
        request=request,
        input_tokens_max=input_tokens_max,
        output_tokens_each=each,
        max_charge_nano=worst_charge_nano(input_tokens_max, each * request.choices, offer.price),
    )


def affordable_output_each(quoted: Quote, available_nano: int) -> int:
    """The output limit of each choice that this balance can still pay for; -1 when it cannot even pay for the input."""
    affordable = affordable_output_tokens(available_nano, quoted.input_tokens_max, quoted.offer.price)
    if affordable < 0:
        return -1
    return min(affordable // quoted.request.choices, quoted.offer.model.output_tokens_max)


def clamp(quoted: Quote, available_nano: int) -> Quote | None:
    """A smaller quote that this balance can pay for; None when the client set the limit itself, or too little is left."""
    if quoted.request.output_tokens_asked is not None or not quoted.request.makes_output:
        return None
    each = min(affordable_output_each(quoted, available_nano), quoted.output_tokens_each)
    if each < OUTPUT_TOKENS_WORTH_SENDING:
        return None
    smaller = worst_charge_nano(quoted.input_tokens_max, each * quoted.request.choices, quoted.offer.price)
    return replace(quoted, output_tokens_each=each, max_charge_nano=smaller)


def estimated_tokens(text_bytes: int) -> int:
    """A customer-friendly guess for text whose tokens nobody reported: four bytes a token, rounded up."""
    return -(-text_bytes // BYTES_PER_TOKEN_TYPICAL)
