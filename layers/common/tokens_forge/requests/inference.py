"""What the gateway needs to know of any inference request, whichever endpoint took it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

from pydantic import BaseModel, ValidationError

from tokens_forge.errors import RequestError

Body = TypeVar("Body", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class InferenceRequest:
    """One checked request. `fields` is the whole body; media data counts apart from `text_bytes` (UTF-8 bytes).

    `choices` is how many answers are asked for, each of at most `output_tokens_asked` tokens; `makes_output` is false where the
    answer holds no generated tokens, as with embeddings.
    """

    endpoint: str
    fields: dict[str, Any]
    model: str
    text_bytes: int
    stream: bool = False
    include_usage: bool = False
    choices: int = 1
    output_tokens_asked: int | None = None
    message_count: int = 0
    tool_count: int = 0
    image_count: int = 0
    makes_output: bool = True


def parse_json(body: bytes) -> dict[str, Any]:
    """The body as a JSON object. Raises RequestError on anything else."""
    try:
        fields = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise RequestError(f"The body is not valid JSON: {_short(error)}") from None
    if not isinstance(fields, dict):
        raise RequestError("The body must be a JSON object.")
    return fields


def checked(body_type: type[Body], fields: dict[str, Any]) -> Body:
    """The fields that money or routing depends on. Raises RequestError with the field in `param`."""
    try:
        return body_type.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        raise RequestError(f"{where}: {first['msg']}", param=where) from None


def encode(fields: dict[str, Any]) -> bytes:
    """Compact UTF-8 JSON. Raises RequestError for text that is not Unicode (half a surrogate pair)."""
    try:
        return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        raise RequestError("The body holds half a surrogate pair, which is not text.") from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _short(error: BaseException) -> str:
    return str(error)[:200] if isinstance(error, ValueError) else "nested too deeply"
