"""A request to OpenAI's older completions endpoint."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from tokens_forge.endpoints import Endpoint
from tokens_forge.errors import RequestError
from tokens_forge.requests.chat import CHOICES_MAX, StreamOptions
from tokens_forge.requests.inference import InferenceRequest, checked, encode
from tokens_forge.requests.prompts import count_prompts
from tokens_forge.requests.refusals import OPENAI_TIERS, UNPRICED_OF_OPENAI, refuse_tier, refuse_unpriced


class CompletionsBody(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True)
    model: Annotated[str, Field(min_length=1, max_length=200)]
    prompt: Any
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: Annotated[int, Field(ge=1, le=CHOICES_MAX)] | None = None
    best_of: Annotated[int, Field(ge=1, le=CHOICES_MAX)] | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    echo: bool | None = None
    suffix: str | None = None


def parse_completions(fields: dict[str, Any]) -> InferenceRequest:
    """Check a body. Raises RequestError with the field in `param`.

    `best_of` answers are generated for each prompt and all of them are billed, though only `n` come back.
    """
    body = checked(CompletionsBody, fields)
    refuse_unpriced(fields, UNPRICED_OF_OPENAI)
    refuse_tier(fields, OPENAI_TIERS)
    prompts = count_prompts(body.prompt, param="prompt", count_max=CHOICES_MAX)
    shown, made = body.n or 1, body.best_of or body.n or 1
    if made < shown:
        raise RequestError("best_of must not be smaller than n.", param="best_of")
    if body.stream and made > shown:
        raise RequestError("Answers cannot be streamed before the best of them is known.", param="best_of")
    return InferenceRequest(
        endpoint=Endpoint.COMPLETIONS,
        fields=fields,
        model=body.model,
        stream=bool(body.stream),
        include_usage=bool(body.stream_options and body.stream_options.include_usage),
        choices=prompts.count * made,
        output_tokens_asked=body.max_tokens,
        # An echoed prompt comes back as output, so it is held for as output too.
        output_tokens_beside=prompts.longest_tokens_max if body.echo else 0,
        message_count=prompts.count,
        text_bytes=prompts.text_bytes + (len(encode(body.suffix)) if body.suffix else 0),
        token_count=prompts.token_count,
    )
