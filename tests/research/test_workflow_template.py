"""What the template gives the research functions: their roles, their table, the rule on executions that were stopped."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.template_values import deployed


def statements(role: str) -> list[tuple[set[str], str, list[str] | None]]:
    """(actions, resource, partitions it is limited to) of every statement of one role."""
    found = []
    for policy in deployed({"Stage": "prod"})[role]["Properties"]["Policies"]:
        for statement in policy["PolicyDocument"]["Statement"]:
            actions = statement["Action"]
            limits = statement.get("Condition", {}).get("ForAllValues:StringLike", {}).get("dynamodb:LeadingKeys")
            found.append((set(actions if isinstance(actions, list) else [actions]), str(statement["Resource"]), limits))
    return found


def on(role: str, resource: str) -> set[str]:
    """What a role may do with a resource."""
    return {action for actions, where, _ in statements(role) for action in actions if resource in where}


def test_the_api_starts_runs_and_calls_no_provider() -> None:
    assert on("ResearchApiRole", "ResearchWorkflow") == {"states:StartExecution"}
    everything = {action for actions, _, _ in statements("ResearchApiRole") for action in actions}
    assert "secretsmanager:GetSecretValue" not in everything
    assert on("ResearchApiRole", "RequestsTable") == on("ResearchApiRole", "StateTable") == set()


def test_the_steps_start_nothing_and_the_workflow_calls_one_function() -> None:
    everything = {action for actions, _, _ in statements("ResearchRole") for action in actions}
    assert not [action for action in everything if action.startswith("states:")]
    assert on("ResearchWorkflowRole", "ResearchFunction") == {"lambda:InvokeFunction"}
    assert [action for action in everything if action.startswith("lambda:")] == []


@pytest.mark.parametrize("role", ["ResearchRole", "ResearchApiRole"])
def test_a_journal_entry_is_put_and_never_changed(role: str) -> None:
    assert on(role, "JournalTable") == {"dynamodb:PutItem", "dynamodb:GetItem", "dynamodb:ConditionCheckItem"}
    assert on(role, "Catalog") == {"dynamodb:Query"} and on(role, "AccountsTable") == {"dynamodb:GetItem"}


def test_of_the_state_table_the_steps_reach_what_a_request_needs_and_the_vendors_limits() -> None:
    limits = {
        scope for _, where, scopes in statements("ResearchRole") if "StateTable" in where for scope in scopes or ["*"]
    }
    assert limits == {"retry#*", "limit#*", "vendor_limit#*", "vendor_cache", "circuit", "pool#*"}


def test_runs_are_kept_and_what_is_secret_in_them_expires() -> None:
    table: dict[str, Any] = deployed({"Stage": "prod"})["RunsTable"]
    assert table["DeletionPolicy"] == table["UpdateReplacePolicy"] == "Retain"
    properties = table["Properties"]
    assert properties["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
    assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert properties["DeletionProtectionEnabled"] is True and properties["SSESpecification"] == {"SSEEnabled": True}
    bucket = deployed({"Stage": "prod"})["ResearchBucket"]
    assert bucket["DeletionPolicy"] == "Retain"
    [rule] = bucket["Properties"]["LifecycleConfiguration"]["Rules"]
    assert (rule["Prefix"], rule["ExpirationInDays"]) == ("uploads/", 7), "only uploads are forgotten"


def test_a_stopped_execution_is_told_to_the_function() -> None:
    resources = deployed({"Stage": "prod"})
    [rule] = [
        resource["Properties"]
        for resource in resources.values()
        if resource["Type"] == "AWS::Events::Rule" and "EventPattern" in resource["Properties"]
    ]
    assert rule["EventPattern"] == {
        "source": ["aws.states"],
        "detail-type": ["Step Functions Execution Status Change"],
        "detail": {"status": ["TIMED_OUT", "ABORTED", "FAILED"], "stateMachineArn": [{"Ref": "ResearchWorkflow"}]},
    }
    [target] = rule["Targets"]
    assert target["Arn"] == {"Ref": "ResearchFunctionAliaslive"}
    machine = resources["ResearchWorkflow"]["Properties"]
    assert machine["StateMachineType"] == "STANDARD"
    assert set(machine["DefinitionSubstitutions"]) == {"ResearchFunctionArn"}
