"""What the gateway needs to know of any inference request, whichever endpoint took it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from tokens_forge import strict_json
from tokens_forge.endpoints import Endpoint
from tokens_forge.errors import RequestError

BYTES_PER_TOKEN_TYPICAL = 4  # OpenAI's published rule of thumb for English text; only for estimates, never for a hold

Body = TypeVar("Body", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class InferenceRequest:
    """One checked request. `fields` is the whole body; `text_bytes` are its UTF-8 bytes without media data.

    `choices` is how many answers are billed, each of at most `output_tokens_asked` tokens; `output_tokens_beside` is what may be
    billed as output on top of each limit, such as a rejected prediction. `token_count` counts prompts that are sent as tokens.
    `native_only` names a field that only the endpoint's own protocol can carry; `passed_headers` go to such a channel.
    `makes_output` is false where the answer holds no generated tokens, as with embeddings.
    """

    endpoint: Endpoint
    fields: dict[str, Any]
    model: str
    text_bytes: int
    stream: bool = False
    include_usage: bool = False
    choices: int = 1
    output_tokens_asked: int | None = None
    output_tokens_beside: int = 0
    message_count: int = 0
    tool_count: int = 0
    image_count: int = 0
    document_count: int = 0
    token_count: int = 0
    makes_output: bool = True
    native_only: str | None = None
    passed_headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def prompt_bytes(self) -> int:
        """The length of the prompt as text, for estimates: tokens count as the bytes they usually stand for."""
        return self.text_bytes + self.token_count * BYTES_PER_TOKEN_TYPICAL


def parse_json(body: bytes) -> dict[str, Any]:
    """The body as a JSON object. Raises RequestError on anything else."""
    try:
        fields = strict_json.loads(body)
    except ValueError as error:
        raise RequestError(f"The body is not valid JSON: {str(error)[:200]}") from None
    if not isinstance(fields, dict):
        raise RequestError("The body must be a JSON object.")
    if b"\\ud" in body.lower():
        encode(fields)  # an escape may be half a surrogate pair: better found here than where it is sent
    return fields


def checked(body_type: type[Body], fields: dict[str, Any]) -> Body:
    """The fields that money or routing depends on. Raises RequestError with the field in `param`."""
    try:
        return body_type.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        raise RequestError(f"{where}: {first['msg']}", param=where) from None


def encode(fields: object) -> bytes:
    """Compact UTF-8 JSON. Raises RequestError for text that is not Unicode (half a surrogate pair), and for too deep nesting."""
    try:
        return strict_json.dumps(fields)
    except UnicodeEncodeError:
        raise RequestError("The body holds half a surrogate pair, which is not text.") from None
    except RecursionError:
        raise RequestError("The body is nested too deeply.") from None
