"""Rules that every resource of the shipped template follows, whoever adds it: rollout, failures, logs, storage, rights."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from local.stack import LOCAL_PARAMETERS
from tests.support.resolve import resolved
from tests.support.template import PROJECT, TEMPLATE, transformed

Resources = dict[str, Any]
STAGES = ["local", "dev", "prod"]
# What may be lost: no money, account, price or report is in it, and it expires by itself.
EXPENDABLE_TABLES = {"RequestsTable", "StateTable"}
# Actions that AWS offers for every resource only, or that one role of the whole account must have.
ON_EVERYTHING = {
    "SendTraces": {"xray:PutTraceSegments", "xray:PutTelemetryRecords"},
    "WatchAlarms": {"cloudwatch:DescribeAlarms"},
    "WriteLogsOfEveryApi": {
        "logs:CreateLogGroup",
        "logs:CreateLogStream",
        "logs:DescribeLogGroups",
        "logs:DescribeLogStreams",
        "logs:PutLogEvents",
        "logs:GetLogEvents",
        "logs:FilterLogEvents",
    },
}


def as_configured(stage: str) -> dict[str, str]:
    """The parameters that samconfig.toml gives this stage, or `make run` the local one."""
    if stage == "local":
        return dict(LOCAL_PARAMETERS)
    settings = tomllib.loads((PROJECT / "samconfig.toml").read_text())
    pairs = shlex.split(settings[stage]["deploy"]["parameters"]["parameter_overrides"])
    return dict(pair.split("=", 1) for pair in pairs)


def deployed(stage: str, **more: str) -> Resources:
    return resolved(**{**as_configured(stage), **more})


def of_type(resources: Resources, name: str) -> Resources:
    return {logical_id: each for logical_id, each in resources.items() if each["Type"] == name}


def functions(resources: Resources) -> Resources:
    found = {name: each["Properties"] for name, each in of_type(resources, "AWS::Lambda::Function").items()}
    assert len(found) >= 6
    return found


def integrations(resources: Resources) -> list[tuple[str, str]]:
    """(path and method, what is called) of every route of the API."""
    paths = resources["Api"]["Properties"]["Body"]["paths"]
    return [
        (f"{method} {path}", str(route["x-amazon-apigateway-integration"]["uri"]))
        for path, methods in paths.items()
        for method, route in methods.items()
    ]


def behind_the_api(resources: Resources) -> set[str]:
    called = " ".join(uri for _, uri in integrations(resources))
    return {name for name in functions(resources) if f"${{{name}Alias" in called}


def asynchronous(resources: Resources) -> set[str]:
    """Functions that a rule calls: nobody waits for their answer."""
    rules = of_type(resources, "AWS::Events::Rule").values()
    targets = {str(target["Arn"]) for rule in rules for target in rule["Properties"]["Targets"]}
    return {name for name in functions(resources) if any(f"'{name}" in target for target in targets)}


def statements(role: dict[str, Any]) -> list[dict[str, Any]]:
    policies = role["Properties"].get("Policies", [])
    return [each for policy in policies for each in policy["PolicyDocument"]["Statement"]]


def actions_of(statement: dict[str, Any]) -> set[str]:
    actions = statement["Action"]
    return {actions} if isinstance(actions, str) else set(actions)


# ---- how a new version comes to serve


@pytest.mark.parametrize("stage", STAGES)
def test_every_function_is_an_arm64_function_with_a_version_behind_the_alias(stage: str) -> None:
    resources = deployed(stage)
    for name, properties in functions(resources).items():
        assert properties["Architectures"] == ["arm64"] and properties["Runtime"] == "python3.13", name
        assert properties["TracingConfig"] == {"Mode": "Active"}, name
        alias = resources[f"{name}Aliaslive"]["Properties"]
        assert alias["Name"] == "live" and alias["FunctionVersion"]["Fn::GetAtt"][0].startswith(f"{name}Version")


@pytest.mark.parametrize("stage", STAGES)
def test_nothing_calls_a_function_but_by_its_alias(stage: str) -> None:
    resources = deployed(stage)
    for route, uri in integrations(resources):
        assert "Aliaslive}" in uri, route
    for rule in of_type(resources, "AWS::Events::Rule").values():
        for target in rule["Properties"]["Targets"]:
            assert target["Arn"].get("Ref", "").endswith("Aliaslive"), target


def test_new_settings_and_a_new_layer_publish_new_versions_of_every_function(tmp_path: Path) -> None:
    """SAM by itself looks at the code of the function only: the alias would keep the old layer and the old settings."""

    def versions(source: str) -> set[str]:
        path = tmp_path / f"{abs(hash(source))}.yaml"
        path.write_text(source)
        return set(of_type(transformed(path=path)["Resources"], "AWS::Lambda::Version"))

    shipped = TEMPLATE.read_text()
    before = versions(shipped)
    assert len(before) == len(functions(deployed("prod")))
    for old, new in (
        ("Description: tokens_forge and the packages it needs", "Description: other code"),
        ("FORGE_STAGE: !Ref Stage", "FORGE_STAGE: other"),
        ("Runtime: python3.13", "Runtime: python3.14"),
    ):
        assert old in shipped
        assert not before & versions(shipped.replace(old, new)), old


def test_prod_moves_by_a_canary_and_dev_at_once_and_both_go_back_when_an_alarm_rings() -> None:
    for stage, how in (("dev", "AllAtOnce"), ("prod", "Canary10Percent5Minutes")):
        resources = deployed(stage)
        for name in functions(resources):
            group = resources[f"{name}DeploymentGroup"]["Properties"]
            assert how in str(group["DeploymentConfigName"])
            assert group["AutoRollbackConfiguration"]["Enabled"] is True
            assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]
            watched = {alarm["Name"]["Ref"] for alarm in group["AlarmConfiguration"]["Alarms"]}
            assert {"GatewayErrorsAlarm", "ApiServerErrorsAlarm"} <= watched
            assert all(resources[alarm]["Type"] == "AWS::CloudWatch::Alarm" for alarm in watched)
            if name in asynchronous(resources):
                assert dead_letters_alarm(resources, name) in watched, name


def test_the_local_stage_needs_no_codedeploy() -> None:
    assert not [name for name, each in deployed("local").items() if each["Type"].startswith("AWS::CodeDeploy")]


def test_buffered_functions_start_from_a_snapshot_in_prod_only() -> None:
    for stage in STAGES:
        resources = deployed(stage)
        buffered = behind_the_api(resources) - {"StreamFunction"}
        assert {"ProxyFunction", "KeysFunction"} <= buffered
        for name in buffered:
            expected = "PublishedVersions" if stage == "prod" else "None"
            assert functions(resources)[name]["SnapStart"] == {"ApplyOn": expected}, name


def test_a_new_account_with_a_quota_of_10_can_deploy_and_a_grown_one_keeps_streams_from_taking_everything() -> None:
    for stage in STAGES:
        for name, properties in functions(deployed(stage)).items():
            assert "ReservedConcurrentExecutions" not in properties, name
    limited = functions(deployed("prod", StreamConcurrency="800"))
    assert limited["StreamFunction"]["ReservedConcurrentExecutions"] == "800"


# ---- what happens to work that fails


def dead_letters_alarm(resources: Resources, name: str) -> str:
    """The alarm that watches a function's dead letters."""
    [queue, attribute] = functions(resources)[name]["DeadLetterConfig"]["TargetArn"]["Fn::GetAtt"]
    assert attribute == "Arn" and resources[queue]["Type"] == "AWS::SQS::Queue"
    watching = [{"Name": "QueueName", "Value": {"Fn::GetAtt": [queue, "QueueName"]}}]
    [alarm] = [
        alarm
        for alarm, each in of_type(resources, "AWS::CloudWatch::Alarm").items()
        if each["Properties"].get("Dimensions") == watching
    ]
    return alarm


def test_work_that_nobody_waits_for_is_tried_a_stated_number_of_times_and_then_kept_and_told() -> None:
    resources = deployed("prod")
    assert asynchronous(resources) >= {"SweeperFunction", "HealthFunction", "ReconciliationFunction"}
    for name in asynchronous(resources):
        properties = functions(resources)[name]
        tries = resources[f"{name}EventInvokeConfig"]["Properties"]
        assert tries["MaximumRetryAttempts"] in (0, 1, 2) and 60 <= tries["MaximumEventAgeInSeconds"] <= 21_600
        alarm = resources[dead_letters_alarm(resources, name)]["Properties"]
        assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (0, "GreaterThanThreshold")
        [queue, _] = properties["DeadLetterConfig"]["TargetArn"]["Fn::GetAtt"]
        role = resources[properties["Role"]["Fn::GetAtt"][0]]
        [sending] = [each for each in statements(role) if "sqs:SendMessage" in actions_of(each)]
        assert str(queue) in str(sending["Resource"]), name


def test_every_queue_is_encrypted() -> None:
    queues = of_type(deployed("prod"), "AWS::SQS::Queue")
    assert queues and all(queue["Properties"].get("SqsManagedSseEnabled") is True for queue in queues.values())


# ---- logs


@pytest.mark.parametrize("stage", STAGES)
def test_every_log_is_kept_for_a_stated_time(stage: str) -> None:
    resources = deployed(stage)
    groups = of_type(resources, "AWS::Logs::LogGroup")
    assert all(int(group["Properties"]["RetentionInDays"]) > 0 for group in groups.values())
    written = {properties["LoggingConfig"]["LogGroup"]["Ref"] for properties in functions(resources).values()}
    assert written | {"AccessLogs"} == set(groups)


def test_access_logs_are_json_with_the_request_id_and_without_anything_a_secret_could_be_in() -> None:
    resources = deployed("prod")
    [stage] = of_type(resources, "AWS::ApiGateway::Stage").values()
    setting = stage["Properties"]["AccessLogSetting"]
    assert setting["DestinationArn"] == {"Fn::GetAtt": ["AccessLogs", "Arn"]}
    line = json.loads(setting["Format"])
    assert line["requestId"] == "$context.requestId"
    # `$context.path` is what the client typed; `$context.resourcePath` is ours.
    used = set(re.findall(r"\$[A-Za-z.]+", setting["Format"]))
    assert all(name.startswith("$context.") for name in used)
    assert not used & {"$context.path", "$context.authorizer", "$context.identity.apiKey", "$context.error.message"}
    assert resources["Api"]["DependsOn"] == "ApiGatewayAccount", "without the account's role the stage cannot be made"


# ---- what is stored


@pytest.mark.parametrize("table", sorted(of_type(transformed()["Resources"], "AWS::DynamoDB::Table")))
def test_every_table_is_encrypted_and_recoverable_and_kept_unless_it_may_be_lost(table: str) -> None:
    for stage in ("dev", "prod"):
        resource = deployed(stage)[table]
        properties = resource["Properties"]
        assert properties["SSESpecification"] == {"SSEEnabled": True}
        assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
        assert properties["BillingMode"] == "PAY_PER_REQUEST"
        if table in EXPENDABLE_TABLES:
            assert properties["TimeToLiveSpecification"]["Enabled"] is True
        else:
            assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == "Retain"
            assert properties["DeletionProtectionEnabled"] is (stage == "prod")


def test_every_bucket_is_encrypted_and_closed_to_the_public() -> None:
    buckets = of_type(deployed("prod"), "AWS::S3::Bucket")
    assert buckets
    for bucket in buckets.values():
        assert all(bucket["Properties"]["PublicAccessBlockConfiguration"].values())
        assert bucket["Properties"]["BucketEncryption"]


# ---- who may do what


def test_every_role_is_written_out_and_names_its_actions_and_its_resources() -> None:
    resources = deployed("prod")
    for name, role in of_type(resources, "AWS::IAM::Role").items():
        assert not role["Properties"].get("ManagedPolicyArns"), name
        for statement in statements(role):
            assert statement["Effect"] == "Allow"
            assert not any("*" in action for action in actions_of(statement)), name
            if statement["Resource"] == "*":
                assert actions_of(statement) == ON_EVERYTHING[statement["Sid"]], (name, statement["Sid"])
    used = {properties["Role"]["Fn::GetAtt"][0] for properties in functions(resources).values()}
    assert all("lambda.amazonaws.com" in str(resources[role]["Properties"]) for role in used)


def test_make_deploy_reads_the_settings_of_its_stage() -> None:
    """SAM looks for samconfig.toml beside the template that it is told, and the built one has none beside it."""
    command = ["make", "--dry-run", "deploy", "STAGE=prod"]
    told = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True).stdout  # noqa: S603
    [line] = [line for line in told.splitlines() if "sam deploy" in line]
    assert "--config-env prod" in line and "--template" not in line


# ---- parameters


def test_every_parameter_says_what_it_is_and_every_stage_names_only_parameters_that_exist() -> None:
    parameters = transformed()["Parameters"]
    for name, parameter in parameters.items():
        assert parameter.get("Description"), name
    for stage in STAGES:
        given = as_configured(stage)
        assert given["Stage"] == stage and set(given) <= set(parameters)
        for name, value in given.items():
            assert value in map(str, parameters[name].get("AllowedValues", [value])), name
