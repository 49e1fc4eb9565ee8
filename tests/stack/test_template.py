"""What the shipped template promises, asserted after the SAM transform: the doors, the roles, the tables."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.support.resolve import resolved
from tests.support.template import transformed
from tokens_forge.endpoints import Endpoint
from tokens_forge.store.circuits import SCOPE as CIRCUIT_SCOPE
from tokens_forge.store.pools import scope_of as pool_scope

INFERENCE_PATHS = [endpoint.path for endpoint in Endpoint]
MONEY_TABLES = (
    "WalletsTable",
    "JournalTable",
    "AccountsTable",
    "OfficialCatalogTable",
    "RoutedCatalogTable",
    "OrdersTable",
)
ADMIN_PATH = "/admin/v1/{path+}"
KEPT_TABLES = (*MONEY_TABLES, "AdminTable", "AuditTable")


def integration(resources: dict[str, Any], path: str, method: str) -> dict[str, Any]:
    found: dict[str, Any] = resources["Api"]["Properties"]["Body"]["paths"][path][method][
        "x-amazon-apigateway-integration"
    ]
    return found


@pytest.mark.parametrize("stage", ["dev", "prod"])
@pytest.mark.parametrize("path", INFERENCE_PATHS)
def test_every_inference_route_really_streams(stage: str, path: str) -> None:
    resources = resolved(Stage=stage)
    streaming = integration(resources, path, "post")
    assert streaming["responseTransferMode"] == "STREAM"
    assert streaming["timeoutInMillis"] == 900_000
    assert streaming["uri"]["Fn::Sub"].endswith("${StreamFunctionAliaslive}/response-streaming-invocations")
    function = resources["StreamFunction"]["Properties"]
    assert function["Handler"] == "functions/proxy/run.sh" and function["Timeout"] == 900
    variables = function["Environment"]["Variables"]
    assert variables["AWS_LAMBDA_EXEC_WRAPPER"] == "/opt/bootstrap"
    assert variables["AWS_LWA_INVOKE_MODE"] == "response_stream"
    assert variables["AWS_LWA_READINESS_CHECK_PATH"] == "/healthz"
    assert any("LambdaAdapterLayerArm64" in str(layer) for layer in function["Layers"])


def test_the_gateway_may_call_the_streaming_function_on_its_inference_routes_and_on_no_other() -> None:
    allowed = [
        resource["Properties"]["SourceArn"]["Fn::Sub"].partition("/*/")[2]
        for resource in resolved(Stage="prod").values()
        if resource["Type"] == "AWS::Lambda::Permission"
        and resource["Properties"]["FunctionName"] == {"Ref": "StreamFunctionAliaslive"}
    ]
    assert sorted(allowed) == sorted(f"POST{path}" for path in INFERENCE_PATHS)


def test_the_buffered_routes_stand_behind_mangum() -> None:
    resources = resolved(Stage="prod")
    assert resources["ProxyFunction"]["Properties"]["Handler"] == "functions.proxy.handler.handler"
    paths = resources["Api"]["Properties"]["Body"]["paths"]
    buffered = set(paths) - set(INFERENCE_PATHS)
    assert {
        "/v1/models",
        "/v1/quotes",
        "/v1/routes",
        "/v1/wallets",
        "/v1/ledger",
        "/v1/receipts",
        "/v1/receipts/{id}",
        "/v1/key",
    } <= buffered
    for path in buffered - {ADMIN_PATH}:
        for method in paths[path]:
            own = {
                "/v1/keys": "KeysFunction",
                "/v1/checkout": "CheckoutFunction",
                "/v1/research": "ResearchApiFunction",
            }
            function = next((name for start, name in own.items() if path.startswith(start)), "ProxyFunction")
            assert f"{function}Alias" in str(integration(resources, path, method)["uri"])
            assert "responseTransferMode" not in integration(resources, path, method)


def test_the_local_stage_needs_no_web_adapter() -> None:
    resources = resolved(Stage="local")
    for path in INFERENCE_PATHS:
        local = integration(resources, path, "post")
        assert "responseTransferMode" not in local and "StreamFunctionAliaslive" in local["uri"]["Fn::Sub"]
    function = resources["StreamFunction"]["Properties"]
    assert function["Handler"] == "functions.proxy.handler.handler"
    assert "AWS_LAMBDA_EXEC_WRAPPER" not in function["Environment"]["Variables"]


def test_the_api_is_regional_and_answers_in_openais_shape() -> None:
    api = resolved(Stage="prod")["Api"]["Properties"]
    assert api["EndpointConfiguration"]["Types"] == ["REGIONAL"]
    answers = api["Body"]["x-amazon-apigateway-gateway-responses"]
    assert {
        "DEFAULT_4XX",
        "DEFAULT_5XX",
        "THROTTLED",
        "REQUEST_TOO_LARGE",
        "MISSING_AUTHENTICATION_TOKEN",
    } <= set(answers)
    for answer in answers.values():
        body = answer["responseTemplates"]["application/json"]
        assert body.startswith('{"error":{"message":') and '"forge":{"class":' in body
        assert "x-request-id" in str(answer["responseParameters"])


@pytest.mark.parametrize("table", KEPT_TABLES)
def test_tables_that_hold_money_or_prices_are_kept_and_recoverable(table: str) -> None:
    resource = resolved(Stage="prod")[table]
    assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == "Retain"
    properties = resource["Properties"]
    assert properties["DeletionProtectionEnabled"] is True
    assert properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True
    assert properties["BillingMode"] == "PAY_PER_REQUEST"
    assert "GlobalSecondaryIndexes" not in properties


def test_intent_records_expire() -> None:
    properties = resolved(Stage="prod")["RequestsTable"]["Properties"]
    assert properties["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}


def statements(resources: dict[str, Any]) -> list[tuple[str, set[str], str]]:
    """(role, actions, resource) of every statement of every function's role."""
    found = []
    for name, resource in resources.items():
        if "lambda.amazonaws.com" not in str(resource.get("Properties", {}).get("AssumeRolePolicyDocument")):
            continue
        for policy in resource["Properties"]["Policies"]:
            for statement in policy["PolicyDocument"]["Statement"]:
                assert statement["Effect"] == "Allow"
                actions = statement["Action"]
                found.append(
                    (
                        name,
                        set(actions if isinstance(actions, list) else [actions]),
                        str(statement["Resource"]),
                    )
                )
    return found


def test_no_role_can_change_or_delete_a_journal_entry_or_a_price_or_a_key() -> None:
    found = statements(resolved(Stage="prod"))
    assert {role for role, _, _ in found} == {
        "ResearchRole",
        "ResearchApiRole",
        "ProxyRole",
        "KeysRole",
        "StreamRole",
        "SweeperRole",
        "HealthRole",
        "ReconciliationRole",
        "CheckoutRole",
        "AdminRole",
    }
    for role, actions, resource in found:
        assert not any("*" in action for action in actions)
        if "JournalTable" in resource:
            assert actions <= {
                "dynamodb:PutItem",
                "dynamodb:GetItem",
                "dynamodb:BatchGetItem",
                "dynamodb:Query",
                "dynamodb:ConditionCheckItem",
            }
        written = {"dynamodb:PutItem", "dynamodb:UpdateItem"}
        if "Catalog" in resource:
            assert actions - (written if role == "AdminRole" else set()) <= {"dynamodb:GetItem", "dynamodb:Query"}
        if "AccountsTable" in resource:
            written = written if role in ("KeysRole", "AdminRole") else set()
            assert actions - written <= {"dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan"}
        assert "dynamodb:BatchWriteItem" not in actions
        assert "dynamodb:DeleteItem" not in actions or "StateTable" in resource or "RunsTable" in resource
        assert (
            "dynamodb:Scan" not in actions
            or role == "ReconciliationRole"
            or (role == "AdminRole" and "AccountsTable" in resource)
        )


def test_the_stream_role_reaches_its_own_scopes_of_the_state_table_and_nothing_else_there() -> None:
    [policy] = resolved(Stage="prod")["StreamRole"]["Properties"]["Policies"]
    found = [each for each in policy["PolicyDocument"]["Statement"] if "StateTable" in str(each["Resource"])]
    by_scopes: dict[frozenset[str], set[str]] = {}
    for statement in found:
        [(operator, condition)] = statement["Condition"].items()
        assert operator == "ForAllValues:StringLike" and set(condition) == {"dynamodb:LeadingKeys"}
        actions = statement["Action"]
        by_scopes[frozenset(condition["dynamodb:LeadingKeys"])] = (
            {actions} if isinstance(actions, str) else set(actions)
        )
    assert by_scopes == {
        frozenset({"circuit", "pool#*"}): {"dynamodb:Query", "dynamodb:UpdateItem"},
        frozenset({"circuit"}): {"dynamodb:DeleteItem"},
        frozenset({"retry#*"}): {"dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"},
        frozenset({"limit#*"}): {"dynamodb:PutItem", "dynamodb:UpdateItem"},
        frozenset({"health#*"}): {"dynamodb:Query"},
        frozenset({"errors#*"}): {"dynamodb:UpdateItem"},
    }
    assert CIRCUIT_SCOPE == "circuit" and pool_scope("routed-pool").startswith("pool#")


def test_only_the_functions_that_call_providers_read_their_credentials() -> None:
    readers = {
        role for role, actions, _ in statements(resolved(Stage="prod")) if "secretsmanager:GetSecretValue" in actions
    }
    assert readers == {"StreamRole", "HealthRole", "CheckoutRole", "AdminRole", "ResearchRole"}


def test_no_function_reads_the_secrets_of_another_trade() -> None:
    secrets = {
        role: resource
        for role, actions, resource in statements(resolved(Stage="prod"))
        if "secretsmanager:GetSecretValue" in actions
    }
    assert "${SecretsPrefix}/${Stage}-payments/*" in secrets.pop("CheckoutRole")
    assert all("${SecretsPrefix}/${Stage}/*" in resource for resource in secrets.values())


def test_checkout_moves_money_and_can_change_nothing_that_says_what_things_cost_or_who_may_call() -> None:
    found = {}
    for actions, resource, limits in permissions("CheckoutRole"):
        for table in (*MONEY_TABLES, "RequestsTable", "StateTable"):
            if table in resource:
                found[(table, tuple(limits or ()))] = {action.removeprefix("dynamodb:") for action in actions}
    assert found == {
        ("WalletsTable", ()): {"GetItem", "UpdateItem"},
        ("JournalTable", ()): {"GetItem", "PutItem", "ConditionCheckItem"},
        ("OrdersTable", ()): {"GetItem", "BatchGetItem", "Query", "PutItem"},
        ("AccountsTable", ()): {"GetItem"},
        ("OfficialCatalogTable", ()): {"Query"},
        ("RoutedCatalogTable", ()): {"Query"},
        ("StateTable", ("limit#*",)): {"UpdateItem"},
        ("StateTable", ("comparison",)): {"PutItem"},
    }


def test_the_sandbox_of_payments_is_known_to_the_local_stage_only() -> None:
    for stage in ("local", "dev", "prod"):
        for function in ("CheckoutFunction", "ComparisonFunction"):
            variables = resolved(Stage=stage)[function]["Properties"]["Environment"]["Variables"]
            assert bool(variables["FORGE_PAYMENTS_SANDBOX_URL"]) is (stage == "local")


def permissions(role: str) -> list[tuple[set[str], str, list[str] | None]]:
    """(actions, resource, partitions it is limited to) of every statement of one role."""
    found = []
    for policy in resolved(Stage="prod")[role]["Properties"]["Policies"]:
        for statement in policy["PolicyDocument"]["Statement"]:
            actions = statement["Action"]
            limits = statement.get("Condition", {}).get("ForAllValues:StringLike", {}).get("dynamodb:LeadingKeys")
            found.append((set(actions if isinstance(actions, list) else [actions]), str(statement["Resource"]), limits))
    return found


def test_the_health_check_can_touch_no_wallet_and_no_customers_book() -> None:
    found = permissions("HealthRole")
    for table in ("WalletsTable", "AccountsTable"):
        assert not [actions for actions, resource, _ in found if table in resource]
    [requests] = [actions for actions, resource, _ in found if "RequestsTable" in resource]
    assert requests == {"dynamodb:Query"}
    journal = {frozenset(actions): limits for actions, resource, limits in found if "JournalTable" in resource}
    assert journal == {
        frozenset({"dynamodb:BatchGetItem"}): None,
        frozenset({"dynamodb:PutItem"}): ["operator#*"],
    }
    [state] = [limits for _, resource, limits in found if "StateTable" in resource]
    assert state == ["health#*", "probe#*"]


@pytest.mark.parametrize("role", ["ProxyRole", "StreamRole"])
def test_the_doors_read_health_and_cannot_write_it(role: str) -> None:
    reading = [
        (actions, limits)
        for actions, resource, limits in permissions(role)
        if "StateTable" in resource and limits is not None and any(limit.startswith("health") for limit in limits)
    ]
    assert reading == [({"dynamodb:Query"}, ["health#*"])]


@pytest.mark.parametrize("cut", ["USD", "USD 5", "USD 5 1000,", ""])
def test_limits_of_orders_that_are_cut_short_are_not_deployed(cut: str) -> None:
    parameter = transformed()["Parameters"]["OrderLimits"]
    assert re.match(parameter["AllowedPattern"], parameter["Default"])
    assert not re.match(parameter["AllowedPattern"], cut)


def test_nothing_secret_is_in_any_environment() -> None:
    for resource in resolved(Stage="prod").values():
        if resource["Type"] == "AWS::Lambda::Function":
            names = set(resource["Properties"]["Environment"]["Variables"])
            assert not [
                name for name in names if any(word in name for word in ("SECRET_", "PASSWORD", "TOKEN", "API_KEY"))
            ]


def test_the_scheduled_work_has_a_schedule() -> None:
    resources = resolved(Stage="prod")
    schedules = {
        target["Arn"]["Ref"].removesuffix("Aliaslive"): rule["Properties"]["ScheduleExpression"]
        for rule in resources.values()
        if rule["Type"] == "AWS::Events::Rule" and "ScheduleExpression" in rule["Properties"]
        for target in rule["Properties"]["Targets"]
    }
    assert schedules == {
        "SweeperFunction": "rate(1 minute)",
        "HealthFunction": "rate(1 minute)",
        "ReconciliationFunction": "rate(1 hour)",
        "ComparisonFunction": "rate(1 day)",
    }


@pytest.mark.parametrize("stage", ["local", "dev", "prod"])
def test_an_intent_is_only_old_when_no_function_can_still_run_it(stage: str) -> None:
    resources = resolved(Stage=stage)
    values = transformed()["Mappings"]["Sweep"][stage]
    assert int(values["AfterSeconds"]) > int(values["TimeLimitSeconds"])
    if stage != "local":
        assert int(values["AfterSeconds"]) > resources["StreamFunction"]["Properties"]["Timeout"]
