"""A transformed template with its parameters and conditions worked out: what is really deployed for a given stage."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tests.support.template import REGION, transformed

_PSEUDO = {
    "AWS::Region": REGION,
    "AWS::Partition": "aws",
    "AWS::AccountId": "123456789012",
    "AWS::StackName": "forge",
}
_NOTHING = object()  # AWS::NoValue: the property is not there


def deployed(parameters: Mapping[str, str] | None = None, template: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Resources by logical id; those whose condition is false are absent. References between resources stay as they are.

    `!Sub` is worked out where all of its names are known. Raises KeyError for a parameter without a value.
    """
    source = template or transformed(parameters)
    values = dict(_PSEUDO)
    for name, definition in source.get("Parameters", {}).items():
        given = (parameters or {}).get(name, definition.get("Default"))
        if given is None:
            raise KeyError(f"parameter {name} has no value")
        values[name] = str(given)
    evaluation = _Evaluation(values, source.get("Conditions", {}))
    return {
        logical_id: evaluation.value(resource)
        for logical_id, resource in source["Resources"].items()
        if "Condition" not in resource or evaluation.holds({"Condition": resource["Condition"]})
    }


class _Evaluation:
    def __init__(self, values: Mapping[str, str], conditions: Mapping[str, Any]) -> None:
        self._values = values
        self._conditions = conditions

    def holds(self, condition: Any) -> bool:
        ((function, operand),) = condition.items()
        match function:
            case "Condition":
                return self.holds(self._conditions[operand])
            case "Fn::Equals":
                left, right = (self.value(side) for side in operand)
                return bool(left == right)
            case "Fn::Not":
                return not self.holds(operand[0])
            case "Fn::And":
                return all(self.holds(part) for part in operand)
            case "Fn::Or":
                return any(self.holds(part) for part in operand)
        raise ValueError(f"not a condition function: {function}")

    def value(self, node: Any) -> Any:
        if isinstance(node, list):
            return [value for value in map(self.value, node) if value is not _NOTHING]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            ((function, operand),) = node.items()
            if function == "Ref":
                return _NOTHING if operand == "AWS::NoValue" else self._values.get(operand, node)
            if function == "Fn::If":
                chosen = operand[1] if self.holds({"Condition": operand[0]}) else operand[2]
                return self.value(chosen)
            if function == "Fn::Sub" and isinstance(operand, str):
                return self._substituted(operand, node)
        worked_out = {key: self.value(inner) for key, inner in node.items()}
        return {key: value for key, value in worked_out.items() if value is not _NOTHING}

    def _substituted(self, text: str, node: dict[str, Any]) -> Any:
        names = re.findall(r"\$\{([^!}][^}]*)\}", text)
        if any(name not in self._values for name in names):
            return node
        return re.sub(r"\$\{([^!}][^}]*)\}", lambda match: self._values[match.group(1)], text)
