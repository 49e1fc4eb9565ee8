"""A transformed template as one stage would get it: conditions decided, parameters filled in, other references left standing."""

from __future__ import annotations

from typing import Any

from tests.support.template import transformed

_GONE = object()


def resolved(**parameters: str) -> dict[str, Any]:
    """The resources of the shipped template for these parameters (others have their defaults)."""
    template = transformed(parameters)
    values = {name: str(parameter.get("Default", "")) for name, parameter in template["Parameters"].items()}
    values.update(parameters)
    found: dict[str, Any] = _Resolver(template.get("Conditions", {}), values, template.get("Mappings", {})).walk(
        template["Resources"]
    )
    return found


class _Resolver:
    def __init__(self, conditions: dict[str, Any], values: dict[str, str], mappings: dict[str, Any]) -> None:
        self._conditions = conditions
        self._values = values
        self._mappings = mappings

    def walk(self, node: Any) -> Any:
        """The node without `Fn::If`, without `Fn::FindInMap` and without Refs to parameters."""
        if isinstance(node, list):
            return [walked for walked in (self.walk(item) for item in node) if walked is not _GONE]
        if not isinstance(node, dict):
            return node
        if set(node) == {"Fn::If"}:
            name, yes, no = node["Fn::If"]
            return self.walk(yes if self._holds({"Condition": name}) else no)
        if node == {"Ref": "AWS::NoValue"}:
            return _GONE
        if set(node) == {"Fn::FindInMap"}:
            name, first, second = (self.walk(key) for key in node["Fn::FindInMap"])
            return self._mappings[name][first][second]
        if set(node) == {"Ref"} and node["Ref"] in self._values:
            return self._values[node["Ref"]]
        walked = {name: self.walk(value) for name, value in node.items()}
        return {name: value for name, value in walked.items() if value is not _GONE}

    def _holds(self, condition: dict[str, Any]) -> bool:
        [(function, arguments)] = condition.items()
        if function == "Condition":
            return self._holds(self._conditions[arguments])
        if function == "Fn::Equals":
            first, second = (self.walk(argument) for argument in arguments)
            return bool(first == second)
        if function == "Fn::Not":
            return not self._holds(arguments[0])
        if function in ("Fn::And", "Fn::Or"):
            return (all if function == "Fn::And" else any)(self._holds(argument) for argument in arguments)
        raise NotImplementedError(function)
