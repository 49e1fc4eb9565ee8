"""docs/admin-openapi.json says which scope each operation needs. tests/api compares it with the code, `Admin` with each answer."""

from __future__ import annotations

from functions.admin.document import build
from tests.admin.operations import every_call


def test_it_has_every_operation_with_its_scope() -> None:
    known = {(call.method, "/admin/v1" + call.path.replace(":path", "")): call.scope.value for call in every_call()}
    found = {
        (method.upper(), path): operation["x-scope"]
        for path, methods in build()["paths"].items()
        for method, operation in methods.items()
    }
    assert found == known


def test_every_operation_has_a_name_of_its_own() -> None:
    names = [operation["operationId"] for methods in build()["paths"].values() for operation in methods.values()]
    assert len(names) == len(set(names)) and {"official_list_orders", "routed_list_orders", "diagnose"} <= set(names)
