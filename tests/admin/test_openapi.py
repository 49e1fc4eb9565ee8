"""docs/admin-openapi.json is what the admin API is."""

from __future__ import annotations

import json

from functions.admin.openapi import document
from local.openapi import DOCS
from tests.admin.operations import every_call


def test_the_document_in_docs_is_the_present_one() -> None:
    assert json.loads((DOCS / "admin-openapi.json").read_text()) == json.loads(json.dumps(document())), (
        "write it again: make openapi"
    )


def test_it_has_every_operation_with_its_scope_and_every_reference_leads_somewhere() -> None:
    made = document()
    known = {(call.method, "/admin/v1" + call.path.replace(":path", "")): call.scope.value for call in every_call()}
    found = {
        (method.upper(), path): operation["x-scope"]
        for path, methods in made["paths"].items()
        for method, operation in methods.items()
    }
    assert found == known
    text = json.dumps(made)
    for part in text.split('"$ref": "#/')[1:]:
        where = made
        for step in part.partition('"')[0].split("/"):
            where = where[step]
        assert where
