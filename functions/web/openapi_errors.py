"""The errors of an OpenAPI document, read off the tree in `tokens_forge.errors`: status, code, class and docstring."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from tokens_forge.errors import ErrorClass, ForgeError

Schema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Case:
    """One error at one status. `code` None means: whatever the provider says.

    API Gateway's own answers have OpenAI's shape on every path.
    """

    name: str
    status: int
    code: str | None
    error_class: ErrorClass
    meaning: str
    is_api_gateways: bool = False


# The template's GatewayResponses; a test keeps both equal.
BY_API_GATEWAY = (
    Case(
        "Throttled",
        429,
        "rate_limit_exceeded",
        ErrorClass.RATE_LIMIT,
        "The gateway takes too many requests at once. Nothing was sent to a provider.",
        is_api_gateways=True,
    ),
    Case(
        "GatewayTimeout",
        504,
        "gateway_timeout",
        ErrorClass.GATEWAY,
        "The answer took longer than API Gateway waits. See the receipts before trying again.",
        is_api_gateways=True,
    ),
)


def cases_of(errors: Iterable[type[ForgeError]]) -> Iterator[Case]:
    """The cases of these errors."""
    for error in errors:
        meaning = (error.__doc__ or "").replace("\n\n", "\n").split("\n")[0]
        for status in error.statuses or (error.status,):
            yield Case(error.__name__, status, error.code, error.error_class, meaning)


def error_answers(cases: Iterable[Case], *, shape: str, headers: Schema) -> dict[str, tuple[str, Schema]]:
    """By status: the name of the answer as a component, and the answer. `shape` names the schema of our own errors."""
    by_status: dict[int, dict[str, Case]] = {}
    for case in cases:
        by_status.setdefault(case.status, {})[case.name] = case
    return {
        str(status): (".".join([str(status), *named]), _answer(list(named.values()), shape, headers))
        for status, named in sorted(by_status.items())
    }


def _answer(cases: list[Case], shape: str, headers: Schema) -> Schema:
    lines = [
        f"- {f'`{case.code}`' if case.code else 'a code of the provider'} (class `{case.error_class.value}`): {case.meaning}"
        for case in cases
    ]
    shapes = sorted({"Error" if case.is_api_gateways else shape for case in cases})
    references = [{"$ref": f"#/components/schemas/{name}"} for name in shapes]
    narrowed: Schema = {
        "forge": {"properties": {"class": {"enum": sorted({case.error_class.value for case in cases})}}}
    }
    if all(case.code is not None for case in cases):
        narrowed["code"] = {"enum": sorted({case.code for case in cases if case.code is not None})}
    base = references[0] if len(references) == 1 else {"anyOf": references}
    schema = {"allOf": [base, {"properties": {"error": {"properties": narrowed}}}]}
    return {"description": "\n".join(lines), "headers": headers, "content": {"application/json": {"schema": schema}}}
