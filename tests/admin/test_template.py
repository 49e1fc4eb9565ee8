"""What the shipped template lets the admin API do, after the SAM transform."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.resolve import resolved
from tests.support.template import transformed

PATH = "/admin/v1/{path+}"
METHODS = {"get", "post", "put"}


def statements(role: str) -> Iterator[tuple[set[str], str, dict[str, Any]]]:
    """Actions, resource and condition of every statement of a role."""
    for policy in resolved(Stage="prod")[role]["Properties"]["Policies"]:
        for statement in policy["PolicyDocument"]["Statement"]:
            actions = statement["Action"]
            listed = set(actions if isinstance(actions, list) else [actions])
            yield listed, str(statement["Resource"]), statement.get("Condition", {})


def actions_on(role: str, table: str) -> set[str]:
    return {action for actions, resource, _ in statements(role) if table in resource for action in actions}


def test_the_admin_role_appends_to_the_journal_and_can_change_or_delete_nothing_in_it() -> None:
    assert actions_on("AdminRole", "JournalTable") == {
        "dynamodb:GetItem",
        "dynamodb:BatchGetItem",
        "dynamodb:Query",
        "dynamodb:PutItem",
        "dynamodb:ConditionCheckItem",
    }


def test_only_what_settles_or_adjusts_may_put_a_journal_entry() -> None:
    roles = [name for name, resource in resolved(Stage="prod").items() if resource["Type"] == "AWS::IAM::Role"]
    writers = {role for role in roles if "dynamodb:PutItem" in actions_on(role, "JournalTable")}
    assert writers >= {"StreamRole", "SweeperRole", "ReconciliationRole", "HealthRole", "AdminRole"}
    assert not writers & {"ProxyRole", "KeysRole"}


@pytest.mark.parametrize(
    "role", ["ProxyRole", "StreamRole", "KeysRole", "SweeperRole", "HealthRole", "ReconciliationRole"]
)
@pytest.mark.parametrize("table", ["OfficialCatalogTable", "RoutedCatalogTable", "AdminTable", "AuditTable"])
def test_no_other_role_can_write_a_catalog_or_touch_an_admin_key_or_an_audit_record(role: str, table: str) -> None:
    allowed = {"dynamodb:Query"} if "Catalog" in table else set()
    assert actions_on(role, table) <= allowed


def test_audit_records_are_put_and_read_and_never_changed() -> None:
    assert actions_on("AdminRole", "AuditTable") == {"dynamodb:PutItem", "dynamodb:Query"}


def test_the_admin_role_deletes_nothing_and_updates_of_a_catalog_its_revision_only() -> None:
    for actions, resource, condition in statements("AdminRole"):
        assert not [action for action in actions if "Delete" in action or ("Batch" in action and "Get" not in action)]
        if "Catalog" in resource and "dynamodb:UpdateItem" in actions:
            assert condition == {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["revision"]}}
    assert actions_on("AdminRole", "StateTable") == {"dynamodb:Query"}
    assert actions_on("AdminRole", "RequestsTable") == {"dynamodb:Query"}


def test_the_admin_api_has_a_function_a_throttle_and_concurrency_of_its_own() -> None:
    resources = resolved(Stage="prod", AdminRequestsPerSecondMax="7", AdminConcurrency="3")
    body = resources["Api"]["Properties"]["Body"]["paths"]
    assert set(body[PATH]) == METHODS, "explicit methods: the local AWS knows no ANY"
    for method in METHODS:
        assert "AdminFunctionAlias" in str(body[PATH][method]["x-amazon-apigateway-integration"]["uri"])
    function = resources["AdminFunction"]["Properties"]
    assert function["Role"] == {"Fn::GetAtt": ["AdminRole", "Arn"]}
    assert str(function["ReservedConcurrentExecutions"]) == "3"
    [stage] = [resource for resource in resources.values() if resource["Type"] == "AWS::ApiGateway::Stage"]
    throttles = {
        setting["HttpMethod"].lower(): str(setting["ThrottlingRateLimit"])
        for setting in stage["Properties"]["MethodSettings"]
        if setting["ResourcePath"] == "/~1admin~1v1~1{path+}"
    }
    assert throttles == dict.fromkeys(METHODS, "7")


def test_no_concurrency_is_reserved_where_the_account_has_none_to_spare() -> None:
    assert (
        "ReservedConcurrentExecutions" not in resolved(Stage="dev", AdminConcurrency="0")["AdminFunction"]["Properties"]
    )


def test_only_the_admin_function_knows_the_tables_of_keys_and_records() -> None:
    for name, resource in transformed()["Resources"].items():
        if resource["Type"] == "AWS::Lambda::Function":
            variables = resource["Properties"]["Environment"]["Variables"]
            assert ("FORGE_ADMIN_TABLE" in variables) == (name == "AdminFunction")


def test_the_admin_role_reads_the_keys_of_payments_and_not_the_secrets_that_sign_their_events() -> None:
    payments = [resource for actions, resource, _ in statements("AdminRole") if "payments" in resource]
    assert len(payments) == 1 and payments[0].endswith("-payments/*-key-??????'}")
    assert actions_on("AdminRole", "OrdersTable") == {"dynamodb:GetItem", "dynamodb:Query", "dynamodb:PutItem"}
