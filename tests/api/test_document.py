"""The committed OpenAPI documents: what the code says, valid, complete, and routed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx2 as httpx
import pytest
from openapi_spec_validator import validate

from functions.proxy.document import build
from functions.web.openapi_errors import BY_API_GATEWAY
from local.openapi import DOCS, DOCUMENTS, written
from tests.support.resolve import resolved
from tokens_forge.errors import ErrorClass

PUBLIC_FUNCTIONS = ("ProxyFunction", "KeysFunction", "StreamFunction")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_committed_document_is_what_the_code_says(name: str) -> None:
    assert (DOCS / name).read_text() == written(DOCUMENTS[name]()), "run `make openapi`, and look at what has changed"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_document_is_valid(name: str) -> None:
    validate(DOCUMENTS[name]())


def test_the_public_document_has_what_the_template_routes_and_nothing_else() -> None:
    def named(path: str) -> str:
        return re.sub(r"\{[^}]+\}", "{}", path)

    routed = set()
    for path, methods in resolved(Stage="prod")["Api"]["Properties"]["Body"]["paths"].items():
        for method, said in methods.items():
            integration = str(said["x-amazon-apigateway-integration"]["uri"])
            if any(f"{function}Alias" in integration for function in PUBLIC_FUNCTIONS):
                routed.add(f"{method} {named(path)}")
    assert {f"{method} {named(path)}" for path, methods in build()["paths"].items() for method in methods} == routed


def test_what_api_gateway_answers_by_itself_is_documented_as_the_template_has_it() -> None:
    answers = resolved(Stage="prod")["Api"]["Properties"]["Body"]["x-amazon-apigateway-gateway-responses"]
    in_template = set()
    for name in ("THROTTLED", "INTEGRATION_TIMEOUT"):
        template = answers[name]["responseTemplates"]["application/json"]
        error = json.loads(template.replace("$context.error.messageString", '""'))["error"]
        in_template.add((int(answers[name]["statusCode"]), error["code"], error["forge"]["class"]))
    assert {(case.status, case.code, case.error_class.value) for case in BY_API_GATEWAY} == in_template


def test_every_class_of_errors_is_an_answer_of_some_path() -> None:
    def classes(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            yield from value.get("class", {}).get("enum", ())
        for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            yield from classes(inner)

    assert set(classes(build()["components"]["responses"])) == set(ErrorClass)


def test_every_error_of_the_document_is_explained_to_people() -> None:
    explained = set(
        re.findall(r"^\| (\d+) \| `(\w+)` \| `(\w+)` \|", (DOCS / "api" / "errors.md").read_text(), re.MULTILINE)
    )
    documented = {
        (name[:3], code, error_class)
        for name, answer in build()["components"]["responses"].items()
        for code, error_class in re.findall(r"^- `(\w+)` \(class `(\w+)`\)", answer["description"], re.MULTILINE)
    }
    assert explained == documented | {("405", "method_not_allowed", "request")}, "which is no answer of any operation"


def test_the_running_service_answers_it_to_everybody(base_url: str) -> None:
    answer = httpx.get(base_url.removesuffix("/v1") + "/openapi.json", timeout=30)
    assert answer.status_code == 200 and answer.headers["content-type"] == "application/json"
    assert answer.json() == build()


def test_nobody_pays_for_the_document_before_it_is_asked_for() -> None:
    code = "import sys, functions.proxy.app; print(*(name for name in sys.modules if name.startswith('functions')))"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)  # noqa: S603
    loaded = done.stdout.split()
    assert "functions.proxy.routes.document" in loaded
    assert not [name for name in loaded if name.startswith(("functions.proxy.document", "functions.web.openapi"))]
