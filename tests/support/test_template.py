"""The transform, on the shipped template and on small ones that go wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.template import Table, table_variables, tables, transformed
from tests.support.template_values import deployed

_SMALL = """
Transform: AWS::Serverless-2016-10-31
Parameters:
  Stage: {Type: String, Default: dev}
Conditions:
  IsProd: !Equals [!Ref Stage, prod]
  IsSmall: !And [!Not [!Condition IsProd], !Or [!Equals [a, b], !Equals [a, a]]]
Globals:
  Function: {CodeUri: ., Runtime: python3.13, Handler: a.b}
Resources:
  Api:
    Type: AWS::Serverless::Api
    Properties: {StageName: !Ref Stage}
  One:
    Type: AWS::Serverless::Function
    Properties:
      Description: !Sub "stage ${Stage}"
      Tags: !If [IsProd, {tier: one, more: !Ref AWS::NoValue}, !Ref AWS::NoValue]
      Environment: {Variables: {FORGE_THINGS_TABLE: !Ref Things}}
      Events:
        Chat:
          Type: Api
          Properties: {RestApiId: !Ref Api, Path: /chat, Method: post}
  Two:
    Type: AWS::Serverless::Function
    Properties:
      Environment: {Variables: {FORGE_THINGS_TABLE: OTHER}}
  Things:
    Type: AWS::DynamoDB::Table
    Properties: {KeySchema: [{AttributeName: id, KeyType: HASH}], TimeToLiveSpecification: {AttributeName: x, Enabled: true}}
  More:
    Type: AWS::DynamoDB::Table
    Condition: IsSmall
    Properties: {KeySchema: [{AttributeName: !Ref Stage, KeyType: HASH}]}
"""


def _written(folder: Path, other: str) -> Path:
    path = folder / "template.yaml"
    path.write_text(_SMALL.replace("OTHER", other))
    return path


def test_the_shipped_template_names_every_table_of_the_architecture() -> None:
    names = {"WALLETS", "JOURNAL", "REQUESTS", "ACCOUNTS", "OFFICIAL_CATALOG", "ROUTED_CATALOG"}
    assert {f"FORGE_{name}_TABLE" for name in names} <= set(table_variables())


def test_the_shipped_tables_have_the_keys_of_the_architecture() -> None:
    variables = table_variables()
    by_id = {table.logical_id: table for table in tables()}

    def keys(variable: str) -> list[str]:
        schema = by_id[variables[variable]].create_arguments("any")["KeySchema"]
        return [part["AttributeName"] for part in schema]

    assert keys("FORGE_WALLETS_TABLE") == ["account_id", "kind"]
    assert keys("FORGE_JOURNAL_TABLE") == ["book", "entry_id"]
    assert by_id[variables["FORGE_REQUESTS_TABLE"]].ttl_attribute == "expires_at"
    assert by_id[variables["FORGE_WALLETS_TABLE"]].ttl_attribute is None


def test_serverless_resources_become_plain_ones(tmp_path: Path) -> None:
    path = _written(tmp_path, "!Ref Things")
    resources = transformed(path=path)["Resources"]
    assert resources["One"]["Type"] == "AWS::Lambda::Function"
    assert resources["Api"]["Type"] == "AWS::ApiGateway::RestApi"


def test_parameters_and_conditions_are_worked_out(tmp_path: Path) -> None:
    path = _written(tmp_path, "!Ref Things")
    dev = deployed(template=transformed(path=path))
    prod = deployed({"Stage": "prod"}, transformed({"Stage": "prod"}, path=path))
    assert (dev["One"]["Properties"]["Description"], prod["One"]["Properties"]["Description"]) == (
        "stage dev",
        "stage prod",
    )
    assert "More" in dev
    assert "More" not in prod
    assert prod["ApiStage"]["Properties"]["StageName"] == "prod"
    assert prod["One"]["Properties"]["Environment"]["Variables"] == {"FORGE_THINGS_TABLE": {"Ref": "Things"}}


def test_the_shipped_template_can_be_worked_out_for_every_stage() -> None:
    for stage in ("local", "dev", "prod"):
        tables_there = [r for r in deployed({"Stage": stage}).values() if r["Type"] == "AWS::DynamoDB::Table"]
        assert len(tables_there) == len(tables())
        assert all("Fn::If" not in str(table) for table in tables_there)


def test_a_caller_may_change_its_copy(tmp_path: Path) -> None:
    path = _written(tmp_path, "!Ref Things")
    transformed(path=path)["Resources"].clear()
    assert transformed(path=path)["Resources"]


def test_an_edited_template_is_read_again(tmp_path: Path) -> None:
    path = _written(tmp_path, "!Ref Things")
    transformed(path=path)
    path.write_text(path.read_text().replace("  More:", "  Renamed:"))
    assert "Renamed" in transformed(path=path)["Resources"]


@pytest.mark.parametrize("other", ["literal-name", "!Ref More", "!GetAtt Things.Arn"])
def test_functions_that_disagree_about_a_table_are_refused(tmp_path: Path, other: str) -> None:
    with pytest.raises(ValueError, match="FORGE_THINGS_TABLE"):
        table_variables(transformed(path=_written(tmp_path, other)))


def test_a_schema_that_is_not_literal_is_refused(tmp_path: Path) -> None:
    found = {table.logical_id: table for table in tables(transformed(path=_written(tmp_path, "!Ref Things")))}
    assert found["Things"].create_arguments("n")["KeySchema"] == [{"AttributeName": "id", "KeyType": "HASH"}]
    assert found["Things"].ttl_attribute == "x"
    with pytest.raises(ValueError, match="must be literal"):
        found["More"].create_arguments("n")


def test_a_stream_is_switched_on_for_create_table() -> None:
    table = Table("T", {"KeySchema": [], "StreamSpecification": {"StreamViewType": "NEW_IMAGE"}})
    stream = table.create_arguments("n")["StreamSpecification"]
    assert stream == {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
