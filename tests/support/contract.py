"""Compares answers with the committed OpenAPI documents: clients of tests do it with every answer by `documented` in http.py.

In the documents answers may get further fields, so that they can grow. Here they may not: what is not listed is a fault.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs

DOCS = Path(__file__).parents[2] / "docs"
JSON = "application/json"
_OURS = ("x-forge-", "x-request-", "x-ratelimit-", "x-should-", "x-next-", "idempotent-", "retry-after")
Schema = dict[str, Any]


class Broken(AssertionError):
    """An answer that the documents do not describe."""


def closed(document: Schema) -> Schema:
    """The document with no room for fields that it does not list, unless it says that there may be some."""
    made = copy.deepcopy(document)
    for schema in made["components"]["schemas"].values():
        if schema.get("type") == "object":
            schema.setdefault("additionalProperties", False)
    return made


def check(method: str, path: str, *, status: int, headers: Mapping[str, str], content: bytes) -> None:
    """Compare an answer with its document. Raises Broken. A path that no document has is not looked at."""
    found = _operation(method, path)
    if found is not None:
        document, operation = found
        for fault in _faults(document, operation, status, headers, content):
            raise Broken(f"{method} {path} → {status}: {fault}")


def _faults(
    document: Schema, operation: Schema, status: int, headers: Mapping[str, str], content: bytes
) -> Iterator[str]:
    if str(status) not in operation["responses"]:
        yield "this status is not documented"
        return
    answer = _resolved(document, operation["responses"][str(status)])
    for name, header in answer["headers"].items():
        described = _resolved(document, header)
        if name in headers:
            if not jsonschema_rs.is_valid(described["schema"], headers[name]):
                yield f"{name}: {headers[name]!r} does not fit"
        elif described["required"]:
            yield f"{name} is missing"
    yield from (
        f"{name} is not documented" for name in headers if name.startswith(_OURS) and name not in answer["headers"]
    )
    media_type = headers.get("content-type", "").partition(";")[0]
    if media_type not in answer["content"]:
        yield f"{media_type} is not documented"
    elif media_type == JSON:
        validator = _validator(json.dumps(answer["content"][JSON]["schema"]), document["info"]["title"])
        yield from (
            f"{'.'.join(map(str, one.instance_path))}: {one.message}"
            for one in validator.iter_errors(json.loads(content))
        )


@cache
def _documents() -> list[Schema]:
    return [closed(json.loads(path.read_text())) for path in sorted(DOCS.glob("*openapi.json"))]


@cache
def _paths() -> list[tuple[re.Pattern[str], Schema, Schema]]:
    """Every path as a pattern, with its methods; those without parameters first. Only names of models hold slashes."""
    found = [(path, document, methods) for document in _documents() for path, methods in document["paths"].items()]
    return [
        (re.compile(re.sub(r"\{\w+\}", "[^/]+", path.replace("{model_id}", ".+"))), document, methods)
        for path, document, methods in sorted(found, key=lambda one: "{" in one[0])
    ]


def _operation(method: str, path: str) -> tuple[Schema, Schema] | None:
    for pattern, document, methods in _paths():
        if pattern.fullmatch(path):
            operation = methods.get(method.lower())
            return (document, operation) if operation is not None else None
    return None


@cache
def _validator(schema: str, title: str) -> jsonschema_rs.Draft202012Validator:
    """One for each schema: it is compiled once."""
    [document] = [one for one in _documents() if one["info"]["title"] == title]
    whole = {**json.loads(schema), "components": document["components"]}
    return jsonschema_rs.Draft202012Validator(whole, validate_formats=True)


def _resolved(document: Schema, value: Schema) -> Schema:
    while "$ref" in value:
        found: Any = document
        for step in value["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        value = found
    return value
