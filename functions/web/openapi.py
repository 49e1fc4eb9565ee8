"""OpenAPI documents: what an application's routes say of themselves, and one table that says the rest.

FastAPI knows paths, their parameters and the docstrings. Our routes read their bodies and shape their answers themselves, so those
are declared: an `Operation` for each route, in one table of the application, which is loaded only when somebody asks for the
document. Errors are named by their classes. A route without a declaration, or a declaration without a route, is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import TypeAdapter

from functions.web import shapes
from functions.web.openapi_errors import BY_API_GATEWAY, Schema, cases_of, error_answers
from tokens_forge.errors import BodyTooLarge, ForgeError, GatewayError, InvalidKey, RequestError, StoreUnavailable

JSON = "application/json"
_REFERENCE = "#/components/schemas/{model}"
_SECURITY_SCHEMES: Schema = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "`Authorization: Bearer <key>`. It counts first."},
    "x_api_key": {"type": "apiKey", "in": "header", "name": "x-api-key", "description": "As Anthropic's clients do."},
}


@dataclass(frozen=True, slots=True)
class Header:
    """A header of answers. `required` means that it is on every answer of its sort."""

    name: str
    description: str
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string"})
    required: bool = False


REQUEST_ID = Header("x-request-id", "Finds this request in the logs.", required=True)
RETRY_AFTER = Header("retry-after", "Seconds to wait before trying again.", {"type": "string", "pattern": "^[0-9]+$"})
SHOULD_RETRY = Header(
    "x-should-retry", "Whether official clients should try again by themselves.", {"enum": ["true", "false"]}
)


@dataclass(frozen=True, slots=True)
class Operation:
    """What is declared of one route.

    `answer` and `body` are types. `media` has a type for each of the answer's other media types; of a stream that is one event.
    `errors` leaves out what every route can answer: 401 where a key is needed, 400 where something is read, 413 where that is a
    body, 500 and 503. `accepted` says when the same answer is a 202.
    """

    group: str
    answer: Any
    errors: tuple[type[ForgeError], ...] = ()
    body: Any = None
    body_required: bool = True
    media: Mapping[str, Any] = field(default_factory=dict)
    headers: tuple[Header, ...] = ()
    error_headers: tuple[Header, ...] = ()
    request_headers: tuple[Header, ...] = ()
    error_shape: Any = shapes.Error
    accepted: str | None = None
    needs_key: bool = True


def document(
    app: FastAPI,
    operations: Mapping[str, Operation],
    *,
    description: str,
    security: Schema = _SECURITY_SCHEMES,
    name_of: Callable[[APIRoute], str] = lambda route: route.name,
) -> Schema:
    """The document of an application. `operations` is keyed by method and path, such as `GET /v1/models/{model_id}`.

    `security` are the ways to send a key; `name_of` gives each route a name of its own.
    """
    made: Schema = get_openapi(
        title=app.title, version=app.version, description=description, routes=app.routes, openapi_version="3.1.0"
    )
    found = {
        f"{method.upper()} {path}": said for path, methods in made["paths"].items() for method, said in methods.items()
    }
    if found.keys() != operations.keys():
        raise ValueError(f"declared, but no route, or a route that is not declared: {found.keys() ^ operations.keys()}")
    for route in app.routes:
        if isinstance(route, APIRoute) and route.include_in_schema:
            for method in route.methods or ():
                found[f"{method} {route.path_format}"]["operationId"] = name_of(route)
    schemas, types = _schemas(operations)
    components = {
        "schemas": {**_untitled(made.get("components", {}).get("schemas", {})), **schemas},
        "responses": {},
        "headers": {},
        "securitySchemes": security,
    }
    for name, operation in operations.items():
        _declare(found[name], operation, types[name], components)
    components["schemas"] = {name: components["schemas"][name] for name in sorted(_used(made["paths"], components))}
    return {
        "openapi": made["openapi"],
        "info": made["info"],
        "servers": [{"url": "./", "description": "Where this document is served"}],
        "security": [{name: []} for name in security],
        "paths": made["paths"],
        "components": components,
    }


def _declare(said: Schema, operation: Operation, types: Mapping[str, Schema], components: Schema) -> None:
    """Put what is declared in the place of what FastAPI says of a route."""
    body = types.get("body")
    summary, _, description = said.pop("description").partition("\n")
    parameters = [_untitled(parameter) for parameter in said.pop("parameters", [])]
    parameters += [
        {"name": header.name, "in": "header", "description": header.description, "schema": dict(header.schema)}
        for header in operation.request_headers
    ]
    success = next(status for status in said.pop("responses") if status.startswith("2"))
    content = {media_type: {"schema": types[media_type]} for media_type in (JSON, *operation.media)}
    headers = _headers((REQUEST_ID, *operation.headers), components)
    answers = {success: {"description": summary, "headers": headers, "content": content}}
    if operation.accepted is not None:
        answers["202"] = {"description": operation.accepted, "headers": headers, "content": content}
    errors = _errors(operation, components, reads=bool(parameters) or body is not None, has_body=body is not None)
    said.update(
        {
            "summary": summary,
            **({"description": description.strip()} if description.strip() else {}),
            "tags": [operation.group],
            **({} if operation.needs_key else {"security": []}),
            **({"parameters": parameters} if parameters else {}),
            **({"requestBody": _body(operation, body)} if body is not None else {}),
            "responses": {**answers, **errors},
        }
    )


def _body(operation: Operation, schema: Schema) -> Schema:
    return {"required": operation.body_required, "content": {JSON: {"schema": schema}}}


def _errors(operation: Operation, components: Schema, *, reads: bool, has_body: bool) -> Schema:
    """A reference for each status, to an answer among the components."""
    common: list[type[ForgeError]] = [GatewayError, StoreUnavailable]
    common += [InvalidKey] if operation.needs_key else []
    common += [RequestError] if reads else []
    common += [BodyTooLarge] if has_body else []
    cases = (*cases_of((*common, *operation.errors)), *BY_API_GATEWAY)
    shape = operation.error_shape.__name__
    headers = _headers((REQUEST_ID, RETRY_AFTER, SHOULD_RETRY, *operation.error_headers), components)
    references = {}
    for status, (name, answer) in error_answers(cases, shape=shape, headers=headers).items():
        words = [name, *([shape] if shape != "Error" else []), *([operation.group] if operation.error_headers else [])]
        name = ".".join(words).replace(" ", "-")
        assert components["responses"].setdefault(name, answer) == answer, f"two answers called {name}"
        references[status] = {"$ref": f"#/components/responses/{name}"}
    return references


def _headers(headers: tuple[Header, ...], components: Schema) -> Schema:
    """References to the headers, which become components."""
    references = {}
    for header in headers:
        shown = {"description": header.description, "required": header.required, "schema": dict(header.schema)}
        name = f"{header.name}.always" if header.required else header.name
        components["headers"][name] = shown
        references[header.name] = {"$ref": f"#/components/headers/{name}"}
    return references


def _schemas(operations: Mapping[str, Operation]) -> tuple[Schema, dict[str, dict[str, Schema]]]:
    """The schemas of all types: the components, and for each operation a reference by use: `body`, or a media type of answers."""
    asked: list[tuple[tuple[str, str], Any]] = [
        (("error", one.__name__), one) for one in {shapes.Error, *(each.error_shape for each in operations.values())}
    ]
    for name, operation in operations.items():
        asked += [((name, media_type), one) for media_type, one in {JSON: operation.answer, **operation.media}.items()]
        if operation.body is not None:
            asked.append(((name, "body"), operation.body))
    made, definitions = TypeAdapter.json_schemas(
        [(key, "validation", TypeAdapter(one)) for key, one in asked], ref_template=_REFERENCE
    )
    references: dict[str, dict[str, Schema]] = {}
    for ((name, use), _), schema in made.items():
        references.setdefault(name, {})[use] = _untitled(schema)
    return _untitled(definitions.get("$defs", {})), references


def _used(paths: Schema, components: Schema) -> set[str]:
    """The schemas that are referred to, directly or through another one."""
    used: set[str] = set()
    waiting: list[Any] = [paths, components["responses"]]
    while waiting:
        for name in _references(waiting.pop()):
            if name not in used:
                used.add(name)
                waiting.append(components["schemas"][name])
    return used


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        reference = value.get("$ref")
        if isinstance(reference, str) and reference.startswith("#/components/schemas/"):
            yield reference.rpartition("/")[2]
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _references(inner)


def _untitled(schema: Any) -> Any:
    """Without the titles that Pydantic makes out of names. A property may be called title: then it is no string."""
    if isinstance(schema, dict):
        return {
            name: _untitled(value) for name, value in schema.items() if not (name == "title" and isinstance(value, str))
        }
    return [_untitled(one) for one in schema] if isinstance(schema, list) else schema
