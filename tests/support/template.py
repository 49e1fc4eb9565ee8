"""The shipped template as CloudFormation sees it, so that no test keeps a second copy of the schema.

The SAM transform runs in process: no network, no credentials, only a region. moto's CloudFormation applies none, and a
mistyped `ResponseTransferMode` passes `sam validate --lint` and gives a buffered API: only the result can be trusted.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from boto3.session import Session
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

PROJECT = Path(__file__).resolve().parents[2]
TEMPLATE = PROJECT / "template.yaml"
REGION = "us-east-1"

# The translator wants uploaded code; `sam deploy` would have replaced the local folders by such addresses.
_CODE_PROPERTIES = {
    "AWS::Serverless::Function": "CodeUri",
    "AWS::Serverless::LayerVersion": "ContentUri",
    "AWS::Serverless::StateMachine": "DefinitionUri",
}
_UPLOADED = "s3://not-uploaded/code.zip"

# CloudFormation properties that `create_table` takes under the same name and that decide how a table behaves in a test.
# Recovery, deletion protection and encryption are asserted on the template itself: no local engine acts on them.
_CREATE_TABLE = (
    "AttributeDefinitions",
    "KeySchema",
    "BillingMode",
    "ProvisionedThroughput",
    "GlobalSecondaryIndexes",
    "LocalSecondaryIndexes",
)


@dataclass(frozen=True, slots=True)
class Table:
    """One DynamoDB table of the template."""

    logical_id: str
    properties: Mapping[str, Any]

    def create_arguments(self, name: str) -> dict[str, Any]:
        """Keyword arguments for `client.create_table`, under a name of the caller's choice."""
        arguments = {key: copy.deepcopy(self.properties[key]) for key in _CREATE_TABLE if key in self.properties}
        if "StreamSpecification" in self.properties:
            arguments["StreamSpecification"] = {
                "StreamEnabled": True,
                **self.properties["StreamSpecification"],
            }
        _refuse_intrinsics(arguments, self.logical_id)
        return {"TableName": name, **arguments}

    @property
    def ttl_attribute(self) -> str | None:
        """The attribute that expires items, if the table has one."""
        setting = self.properties.get("TimeToLiveSpecification")
        return str(setting["AttributeName"]) if setting and setting.get("Enabled") else None


def transformed(parameters: Mapping[str, str] | None = None, *, path: Path = TEMPLATE) -> dict[str, Any]:
    """The template after the SAM transform, defaults filled in. A copy of its own for every caller.

    Raises samtranslator's InvalidDocumentException when the template is not valid SAM.
    """
    chosen = tuple(sorted((parameters or {}).items()))
    # The file's age is part of the cache key: an edited template must not be answered from the cache.
    return copy.deepcopy(_transformed(path, path.stat().st_mtime_ns, chosen))


def tables(template: Mapping[str, Any] | None = None) -> list[Table]:
    """Every DynamoDB table of a transformed template (the shipped one by default), conditions not evaluated."""
    resources: Mapping[str, Any] = (template or transformed())["Resources"]
    return [
        Table(logical_id, resource["Properties"])
        for logical_id, resource in resources.items()
        if resource["Type"] == "AWS::DynamoDB::Table"
    ]


def table_variables(template: Mapping[str, Any] | None = None) -> dict[str, str]:
    """FORGE_*_TABLE → logical id of the table, as the template tells its functions. They must not disagree."""
    template = template or transformed()
    known = {table.logical_id for table in tables(template)}
    found: dict[str, str] = {}
    for logical_id, resource in template["Resources"].items():
        if resource["Type"] != "AWS::Lambda::Function":
            continue
        variables = resource["Properties"].get("Environment", {}).get("Variables", {})
        for variable, value in variables.items():
            if not (variable.startswith("FORGE_") and variable.endswith("_TABLE")):
                continue
            target = value.get("Ref") if isinstance(value, dict) else None
            if target not in known:
                raise ValueError(f"{logical_id}: {variable} is not a Ref to a table of this template: {value!r}")
            if found.setdefault(variable, target) != target:
                raise ValueError(f"{logical_id}: {variable} means {target} here and {found[variable]} elsewhere")
    return found


@lru_cache(maxsize=16)
def _transformed(path: Path, modified_ns: int, parameters: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    source = _load(path)
    _pretend_uploaded(source)
    translator = Translator({}, Parser(), boto_session=Session(region_name=REGION))
    result: dict[str, Any] = translator.translate(source, parameter_values=dict(parameters))
    # The translator answers with subclasses of str and dict; plain JSON types compare and print better.
    plain: dict[str, Any] = json.loads(json.dumps(result))
    return plain


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short tags, on a class of its own so that yaml.SafeLoader stays as it was."""


def _short_tag(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> Any:
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
        return {name: value.split(".", 1)} if suffix == "GetAtt" else {name: value}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    assert isinstance(node, yaml.MappingNode)
    return {name: loader.construct_mapping(node, deep=True)}


def _as_text(loader: yaml.SafeLoader, node: yaml.Node) -> Any:
    assert isinstance(node, yaml.ScalarNode)
    return loader.construct_scalar(node)


_Loader.add_multi_constructor("!", _short_tag)
# YAML 1.1 reads `Version: 2012-10-17` as a date; CloudFormation means the text.
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _as_text)


def _load(path: Path) -> dict[str, Any]:
    with path.open(encoding="utf-8") as file:
        source: dict[str, Any] = yaml.load(file, Loader=_Loader)  # noqa: S506 - a SafeLoader subclass
    return source


def _pretend_uploaded(source: dict[str, Any]) -> None:
    global_function = source.get("Globals", {}).get("Function", {})
    if "CodeUri" in global_function:
        global_function["CodeUri"] = _UPLOADED
    for resource in source["Resources"].values():
        property_name = _CODE_PROPERTIES.get(resource["Type"])
        properties = resource.get("Properties", {})
        if property_name and isinstance(properties.get(property_name), str):
            properties[property_name] = _UPLOADED


def _refuse_intrinsics(value: Any, where: str) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in ("Ref", "Condition") or str(key).startswith("Fn::"):
                raise ValueError(f"{where}: a table's schema must be literal, not {json.dumps(value)}")
            _refuse_intrinsics(inner, where)
    elif isinstance(value, list):
        for inner in value:
            _refuse_intrinsics(inner, where)
