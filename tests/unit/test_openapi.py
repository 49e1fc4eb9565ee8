"""How an application's OpenAPI document is made out of its routes and what is declared of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from pydantic import BaseModel
from typing_extensions import TypedDict

from functions.web.application import application
from functions.web.openapi import Header, Operation, document
from tokens_forge import errors


class Thing(TypedDict):
    """A thing."""

    title: str


class Wish(BaseModel):
    """What somebody wants."""

    title: str


def app_with(*paths: str) -> FastAPI:
    router = APIRouter()
    for path in paths:

        @router.post(path, name=f"make{path.replace('/', '_')}", status_code=201)
        async def make(limit: int = 1) -> dict[str, Any]:
            """Make a thing.

            And say so.
            """
            raise NotImplementedError

    return application("Things", [router], services=None)


THINGS = Operation(
    "things", Thing, (errors.NotFound, errors.InsufficientBalance, errors.KeySpendLimit, errors.UpstreamRejected), Wish
)


def made(operation: Operation = THINGS) -> dict[str, Any]:
    return document(app_with("/things"), {"POST /things": operation}, description="All things.")


def answer(of: dict[str, Any], status: str) -> dict[str, Any]:
    reference = of["paths"]["/things"]["post"]["responses"][status]["$ref"]
    found: dict[str, Any] = of["components"]["responses"][reference.rpartition("/")[2]]
    return found


def test_a_route_says_what_it_is_and_its_declaration_what_it_takes_and_answers() -> None:
    said = made()["paths"]["/things"]["post"]
    assert (said["operationId"], said["summary"], said["description"]) == (
        "make_things",
        "Make a thing.",
        "And say so.",
    )
    assert said["parameters"][0]["name"] == "limit" and said["tags"] == ["things"]
    schema = said["requestBody"]["content"]["application/json"]["schema"]
    assert schema == {"$ref": "#/components/schemas/Wish"} and said["requestBody"]["required"]
    success = said["responses"]["201"]
    assert success["content"] == {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}
    assert list(success["headers"]) == ["x-request-id"] and "422" in said["responses"], (
        "the provider's, not FastAPI's own"
    )


def test_errors_are_read_off_their_tree() -> None:
    payment = answer(made(), "402")
    narrowed = payment["content"]["application/json"]["schema"]["allOf"][1]["properties"]["error"]["properties"]
    assert narrowed["code"] == {"enum": ["insufficient_quota"]}
    assert narrowed["forge"]["properties"]["class"] == {"enum": ["balance", "key_permission"]}
    assert "The wallet cannot set the worst case aside." in payment["description"]
    of_provider = answer(made(), "422")["content"]["application/json"]["schema"]["allOf"][1]
    assert "code" not in of_provider["properties"]["error"]["properties"], "a provider's code may be any"


def test_what_any_route_can_answer_needs_no_declaration() -> None:
    bare = made(Operation("things", Thing))["paths"]["/things"]["post"]
    assert list(bare["responses"]) == ["201", "400", "401", "429", "500", "503", "504"]
    public = made(Operation("things", Thing, body=Wish, needs_key=False))["paths"]["/things"]["post"]
    assert public["security"] == [] and "401" not in public["responses"] and "413" in public["responses"]


def test_headers_of_errors_are_the_declared_ones() -> None:
    with_headers = made(replace(THINGS, error_headers=(Header("x-thing", "A thing."),)))
    assert "x-thing" in answer(with_headers, "404")["headers"]
    assert "x-thing" not in with_headers["paths"]["/things"]["post"]["responses"]["201"]["headers"]


def test_only_schemas_that_are_used_are_in_it_and_none_has_a_title_but_the_one_it_declares() -> None:
    schemas = made()["components"]["schemas"]
    assert set(schemas) == {"Thing", "Wish", "Error", "Problem", "ErrorFacts", "ErrorClass", "WalletKind"}
    assert schemas["Thing"]["properties"] == {"title": {"type": "string"}} and "title" not in schemas["Thing"]


def test_routes_and_declarations_must_be_the_same() -> None:
    with pytest.raises(ValueError, match="/others"):
        document(app_with("/things", "/others"), {"POST /things": THINGS}, description="")
    with pytest.raises(ValueError, match="/gone"):
        document(app_with("/things"), {"POST /things": THINGS, "GET /gone": THINGS}, description="")
