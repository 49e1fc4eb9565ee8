"""The shipped workflow definition, run in this process by the local AWS's own interpreter, with our handler as its function.

It is the interpreter that `make run` uses. moto's needs a parser that is not among our locked packages.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError
from ministack.services import stepfunctions

from functions.research.run_service import StepFunctions
from tests.support.template import PROJECT, transformed

DEFINITION = PROJECT / "functions" / "research" / "workflow.asl.json"
FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:research"
ROLE = "arn:aws:iam::000000000000:role/anybody"


def definition() -> dict[str, Any]:
    """The shipped definition, as a document."""
    found: dict[str, Any] = json.loads(DEFINITION.read_text())
    return found


class _Client:
    """As much of boto3's client as the product uses."""

    def start_execution(self, **arguments: str) -> dict[str, Any]:
        status, body = _answer(stepfunctions._start_execution(arguments))
        if status == 400 and "ExecutionAlreadyExists" in json.dumps(body):
            raise ClientError({"Error": {"Code": "ExecutionAlreadyExists"}}, "StartExecution")
        assert status == 200, body
        return body


@dataclass
class WorkflowHere:
    """The deployed workflow. `executions` is what the product starts it with."""

    arn: str

    @property
    def executions(self) -> StepFunctions:
        return StepFunctions(_Client(), self.arn)

    def wait(self, name: str, within_s: float = 60.0) -> str:
        """The status of an execution when it has ended."""
        deadline = time.monotonic() + within_s
        execution = stepfunctions._executions[f"{self.arn.replace(':stateMachine:', ':execution:')}:{name}"]
        while execution["status"] == "RUNNING":
            if time.monotonic() > deadline:
                raise TimeoutError(name)
            time.sleep(0.01)
        return str(execution["status"])

    def stop(self, name: str) -> None:
        """Stop an execution, as somebody with a console would."""
        arn = f"{self.arn.replace(':stateMachine:', ':execution:')}:{name}"
        assert _answer(stepfunctions._stop_execution({"executionArn": arn}))[0] == 200


@contextmanager
def workflow_here(
    monkeypatch: pytest.MonkeyPatch, handler: Callable[[dict[str, Any]], dict[str, Any]]
) -> Iterator[WorkflowHere]:
    """Deploy the definition with the template's substitutions. Nobody waits: pauses take a thousandth of their time.

    What `handler` raises is a failed invocation, as a Lambda's would be.
    """

    def invoke(function: str, event: dict[str, Any]) -> Any:
        assert function == FUNCTION or FUNCTION.endswith(function)
        try:
            return json.loads(json.dumps(handler(json.loads(json.dumps(event)))))
        except Exception as error:
            raise stepfunctions._ExecutionError("Runtime.HandlerError", str(error)) from error

    monkeypatch.setattr(stepfunctions, "_call_lambda", invoke)
    monkeypatch.setattr(stepfunctions, "_SFN_WAIT_SCALE", 0.001)
    substitutions = transformed()["Resources"]["ResearchWorkflow"]["Properties"]["DefinitionSubstitutions"]
    assert set(substitutions) == {"ResearchFunctionArn"}
    text = DEFINITION.read_text().replace("${ResearchFunctionArn}", FUNCTION)
    asked = {"name": f"research-{uuid.uuid4().hex}", "definition": text, "roleArn": ROLE}
    status, body = _answer(stepfunctions._create_state_machine(asked))
    assert status == 200, body
    yield WorkflowHere(body["stateMachineArn"])


def _answer(response: Any) -> tuple[int, dict[str, Any]]:
    status, _, body = response
    return status, json.loads(body)
