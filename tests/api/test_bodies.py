"""The bodies in the OpenAPI document are those that the parsers take: compared with every example of docs/pricing-fields.md."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs
import pytest

from functions.proxy import document
from tests.support.pricing_examples import SMALLEST, examples
from tokens_forge.endpoints import Endpoint

BUILT = document.build()
EXAMPLES = examples()
# Two fields that depend on each other: the description says how.
BEYOND_A_SCHEMA: list[dict[str, Any]] = [{"best_of": 2, "n": 3}, {"best_of": 2, "stream": True}]


def accepts(endpoint: Endpoint, body: dict[str, Any]) -> bool:
    schema = BUILT["paths"][endpoint.path]["post"]["requestBody"]["content"]["application/json"]["schema"]
    return jsonschema_rs.is_valid({**schema, "components": BUILT["components"]}, body)


@pytest.mark.parametrize(
    ("endpoint", "fields", "happens"),
    EXAMPLES,
    ids=[f"{endpoint.value}-{json.dumps(fields)[:60]}" for endpoint, fields, _ in EXAMPLES],
)
def test_the_document_takes_what_the_parser_takes_and_refuses_what_it_refuses(
    endpoint: Endpoint, fields: dict[str, Any], happens: str
) -> None:
    is_refused = happens.startswith("refused") and fields not in BEYOND_A_SCHEMA
    assert accepts(endpoint, {**SMALLEST[endpoint], **fields}) is not is_refused


@pytest.mark.parametrize("endpoint", Endpoint)
def test_fields_that_nobody_here_knows_are_passed_on(endpoint: Endpoint) -> None:
    assert accepts(endpoint, {**SMALLEST[endpoint], "a_field_of_tomorrow": {"x": 1}})
