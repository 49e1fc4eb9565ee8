"""An embeddings request: only input is billed."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from tokens_forge.endpoints import Endpoint
from tokens_forge.requests.inference import InferenceRequest, checked
from tokens_forge.requests.prompts import count_prompts
from tokens_forge.requests.refusals import OPENAI_TIERS, UNPRICED_OF_OPENAI, refuse_tier, refuse_unpriced

INPUTS_MAX = 2_048  # OpenAI's own limit


class EmbeddingsBody(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True)
    model: Annotated[str, Field(min_length=1, max_length=200)]
    input: Any
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: Annotated[int, Field(ge=1)] | None = None
    stream: Literal[False] | None = None


def parse_embeddings(fields: dict[str, Any]) -> InferenceRequest:
    """Check a body. Raises RequestError with the field in `param`."""
    body = checked(EmbeddingsBody, fields)
    refuse_unpriced(fields, UNPRICED_OF_OPENAI)
    refuse_tier(fields, OPENAI_TIERS)
    inputs = count_prompts(body.input, param="input", count_max=INPUTS_MAX)
    return InferenceRequest(
        endpoint=Endpoint.EMBEDDINGS,
        fields=fields,
        model=body.model,
        text_bytes=inputs.text_bytes,
        token_count=inputs.token_count,
        message_count=inputs.count,
        makes_output=False,
    )
