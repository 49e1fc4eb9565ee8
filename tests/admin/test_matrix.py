"""Every admin operation × every scope × both businesses; and no path of one business reads or writes the other's items."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from fastapi.routing import APIRoute

from functions.admin.app import routers
from functions.admin.services import Requires
from tests.admin.conftest import Admin, AdminDeployment
from tests.admin.operations import every_call, of_deployment, of_wallet, populated, send
from tokens_forge.admin.keys import Scope
from tokens_forge.wallets import WalletKind

KEY_ATTRIBUTES = ("section", "item_id", "log", "book", "kind", "scope", "item")


def every_route() -> Iterator[APIRoute]:
    for router in routers():
        for route in router.routes:
            assert isinstance(route, APIRoute), "nothing but routes: no page of documentation, no mount"
            yield route


def scope_of(route: APIRoute) -> Scope:
    [scope] = [found.call.scope for found in route.dependant.dependencies if isinstance(found.call, Requires)]
    return scope


def test_the_matrix_knows_every_operation_and_its_scope() -> None:
    known = {(call.method, "/admin/v1" + call.path): call.scope for call in every_call()}
    found = {(method, route.path): scope_of(route) for route in every_route() for method in route.methods or ()}
    assert found == known


@pytest.mark.parametrize("business", ["official", "routed", "deployment"])
def test_each_operation_takes_its_own_scope_and_no_other(administration: AdminDeployment, business: str) -> None:
    world = populated(administration)
    holders = {scope: administration.key(scope) for scope in Scope}
    strangers = {
        "no key": Admin(world.base_url, None),
        "unknown key": Admin(world.base_url, f"tf_admin_{'0' * 12}_{'0' * 40}"),
        "customer's key": Admin(world.base_url, administration.product.key()),
    }
    calls = of_deployment() if business == "deployment" else of_wallet(WalletKind(business))
    for call in calls:
        prepared = call.prepare(world)
        for name, stranger in strangers.items():
            answer = send(stranger, call, prepared)
            assert answer.status_code == (403 if name == "customer's key" else 401), (call.name, name, answer.text)
            assert answer.json()["error"]["forge"]["class"] == "key_permission"
        for scope, holder in holders.items():
            if call.scope not in (Scope.READ, scope):
                refused = send(holder, call, prepared)
                assert refused.status_code == 403, (call.name, scope, refused.text)
                assert refused.json()["error"]["forge"]["scope_needed"] == call.scope.value
        answer = send(holders[call.scope], call, prepared)
        assert answer.status_code in (200, 201, 202), (call.name, answer.text)


@contextmanager
def recorded(client: Any) -> Iterator[list[tuple[str, Any]]]:
    """Every DynamoDB call inside the block: what was asked, and what came back."""
    seen: list[tuple[str, Any]] = []

    def asked(params: Any, model: Any, **_: Any) -> None:
        seen.append((model.name, params))

    def answered(parsed: Any, model: Any, **_: Any) -> None:
        seen.append((model.name, {name: value for name, value in parsed.items() if name != "ResponseMetadata"}))

    hooks: dict[str, Any] = {"before-parameter-build.dynamodb": asked, "after-call.dynamodb": answered}
    for event, hook in hooks.items():
        client.meta.events.register(event, hook)
    try:
        yield seen
    finally:
        for event, hook in hooks.items():
            client.meta.events.unregister(event, hook)


def key_values(node: Any) -> Iterator[str]:
    """Every value of a key attribute, and every value that a condition names, anywhere in a call or an answer."""
    if isinstance(node, list):
        for each in node:
            yield from key_values(each)
    elif isinstance(node, dict):
        for name, value in node.items():
            is_key = name in KEY_ATTRIBUTES or name.startswith(":")
            if is_key and isinstance(value, dict) and isinstance(value.get("S"), str):
                yield value["S"]
            yield from key_values(value)


def tables_of(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for each in node:
            yield from tables_of(each)
    elif isinstance(node, dict):
        for name, value in node.items():
            if name == "TableName" and isinstance(value, str):
                yield value
            yield from tables_of(value)


@pytest.mark.parametrize("kind", list(WalletKind))
def test_no_path_of_one_business_touches_the_others_items(administration: AdminDeployment, kind: WalletKind) -> None:
    world = populated(administration)
    [other] = set(WalletKind) - {kind}
    names_other = re.compile(rf"(^|#){other.value}(#|$)")
    foreign_table = administration.settings.tables.catalogs[other]
    for call in of_wallet(kind):
        prepared = call.prepare(world)
        with recorded(administration.product.client) as seen:
            answer = send(world.second if call.name == "approve" else world.admin, call, prepared)
        assert answer.status_code in (200, 201, 202), (call.name, answer.text)
        assert seen, call.name
        for operation, what in seen:
            assert foreign_table not in set(tables_of(what)), (call.name, operation)
            foreign = [value for value in key_values(what) if names_other.search(value)]
            assert not foreign, (call.name, operation, foreign)


def test_the_recorder_would_see_a_foreign_item(administration: AdminDeployment) -> None:
    world = populated(administration)
    with recorded(administration.product.client) as seen:
        world.admin.get(f"/accounts/{world.account_id}")
    values = {value for _, what in seen for value in key_values(what)}
    assert {"official", "routed"} <= values
    with recorded(administration.product.client) as seen:
        world.admin.get("/routed/channels")
    assert administration.settings.tables.routed_catalog in {table for _, what in seen for table in tables_of(what)}


def test_a_receipt_of_the_other_business_is_not_found(administration: AdminDeployment) -> None:
    world = populated(administration)
    wrong = world.admin.send("GET", f"/routed/receipts/{world.receipts[WalletKind.OFFICIAL]}")
    assert wrong.status_code == 404
    assert world.admin.send("GET", "/routed/receipts/nonsense").status_code == 404
    named = f"/official/receipts/{world.receipts[WalletKind.OFFICIAL]}"
    assert world.admin.get(named, account_id=world.account_id)["account_id"] == world.account_id
