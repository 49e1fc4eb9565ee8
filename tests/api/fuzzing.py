"""Drives Schemathesis over an OpenAPI document against a running application, and counts what came back.

Schemathesis makes up requests, valid ones and wrong ones, and judges the answers by the document. So that they get somewhere, the
copy of the document that it reads names models that are sold and ids that exist.
"""

from __future__ import annotations

import copy
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import CheckFunction, not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

Schema = dict[str, Any]
Operation = APIOperation[Any, Any, Any, Any]
AnyCase = Case[Operation]
CHECKS: list[CheckFunction] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
CONFIG = {"generation": {"with-security-parameters": False}}  # the callers bring their own


@dataclass
class Fuzzing:
    """One run. `callers` gives the headers of those who may call a path; one is drawn for each call, and one of `scenes`."""

    base_url: str
    document: Schema
    callers: Callable[[str], Sequence[Mapping[str, str]]]
    scenes: Sequence[Any] = (None,)
    set_scene: Callable[[Any], None] = lambda scene: None
    refuses_what_is_wrong: Callable[[str], bool] = lambda operation: True
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def run(self, *, examples: int, from_seed: int) -> None:
        """Send so many valid requests of each operation that takes a body, and as many wrong ones; of others half of that.

        And of each operation one by nobody.
        """
        loaded = schemathesis.openapi.from_dict(self.document, config=schemathesis.Config.from_dict(CONFIG))
        with requests.Session() as session:
            session.trust_env = False
            operations = [found.ok() for found in loaded.get_all_operations() if isinstance(found, Ok)]
            for operation in sorted(operations, key=lambda one: one.method == "delete"):
                count = examples if operation.body else examples // 2
                callers = self.callers(operation.path)
                valid = operation.as_strategy(generation_mode=GenerationMode.POSITIVE).map(_with_whole_numbers)
                wrong = operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)
                self._send(operation, valid, [{}], session, 1, from_seed)
                self._send(operation, valid, callers, session, count, from_seed)
                if operation.body or operation.query:
                    self._send(operation, wrong, callers, session, count, from_seed)

    def _send(
        self,
        operation: Operation,
        cases: st.SearchStrategy[AnyCase],
        callers: Sequence[Mapping[str, str]],
        session: requests.Session,
        count: int,
        number: int,
    ) -> None:
        checks = [*CHECKS, negative_data_rejection] if self.refuses_what_is_wrong(operation.label) else CHECKS

        @seed(number)
        @settings(
            max_examples=count,
            phases=[Phase.generate],
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=cases, caller=st.sampled_from(callers), scene=st.sampled_from(self.scenes))
        def send(case: AnyCase, caller: Mapping[str, str], scene: Any) -> None:
            self.set_scene(scene)
            answer = case.call(base_url=self.base_url, session=session, headers=dict(caller))
            self.answers[operation.label, answer.status_code] += 1
            try:
                case.validate_response(answer, checks=checks, headers=dict(caller))
            except FailureGroup as failures:
                self.faults.append(f"{operation.label}: {failures}")

        send()


def every_boundary(base_url: str, document: Path, caller: Mapping[str, str], paths: str) -> str:
    """Schemathesis's own run over every boundary of every field of these paths (a pattern), and over methods that no path takes.

    Its report. Raises AssertionError with it when anything was found.
    """
    names = ",".join(check.__name__ for check in [*CHECKS, unsupported_method])
    headers = [part for name, value in caller.items() for part in ("-H", f"{name}: {value}")]
    what = ["--phases", "coverage", "--checks", names, "--include-path-regex", paths, "--no-color", "--seed", "1"]
    command = [sys.executable, "-m", "schemathesis.cli", "run", str(document), "--url", base_url, *headers, *what]
    # Where the document is, because it keeps notes of its own in the present folder.
    done = subprocess.run(command, capture_output=True, text=True, cwd=document.parent)  # noqa: S603
    assert done.returncode == 0, done.stdout[-10_000:]
    return done.stdout


def _with_whole_numbers(case: AnyCase) -> AnyCase:
    """To a schema 5.0 is an integer too. No client writes one so, and the parsers refuse it: most requests would end there."""
    case.body = _whole(case.body)
    return case


def _whole(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {name: _whole(inner) for name, inner in value.items()}
    return [_whole(inner) for inner in value] if isinstance(value, list) else value


def findable(document: Schema, *, models: Mapping[str, Sequence[str]], ids: Mapping[str, Sequence[str]]) -> Schema:
    """The document with names that exist: models by the schema of a body, ids by the parameter of a path."""
    made = copy.deepcopy(document)
    for name, sold in models.items():
        made["components"]["schemas"][name]["properties"]["model"] = {"enum": list(sold)}
    for methods in made["paths"].values():
        for operation in methods.values():
            for parameter in operation.get("parameters", ()):
                if parameter["name"] in ids:
                    parameter["schema"] = {"enum": list(ids[parameter["name"]])}
    return made
