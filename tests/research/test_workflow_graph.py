"""The workflow's graph, as far as a picture of it can be wrong: neither moto nor cfn-lint looks at any of this."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from functions.research.runs import EXECUTION_MS_MAX
from functions.research.step_handler import SETTLE_MS
from tests.research.workflow_here import definition
from tests.support.template import transformed
from tests.support.template_values import deployed
from tokens_forge.settlement.runs import RUN_HOLD_AGE_MAX_MS

TERMINAL = ("Succeed", "Fail")
Graph = dict[str, Any]


def graphs(machine: Graph, name: str = "workflow") -> Iterator[tuple[str, Graph]]:
    """The machine, and the machine of every Map in it."""
    yield name, machine
    for state_name, state in machine["States"].items():
        if state["Type"] == "Map":
            yield from graphs(state["ItemProcessor"], state_name)


def following(state: Graph) -> list[str]:
    """Every state that may come next."""
    found = [state["Next"]] if "Next" in state else []
    found += [choice["Next"] for choice in state.get("Choices", [])]
    found += [state["Default"]] if "Default" in state else []
    return found + [catch["Next"] for catch in state.get("Catch", [])]


def faults(machine: Graph) -> list[str]:
    """What is wrong with a machine; nothing, for the shipped one."""
    return [f"{where}: {fault}" for where, graph in graphs(machine) for fault in _faults(graph)]


def _faults(graph: Graph) -> Iterator[str]:
    states = graph["States"]
    ends = {name for name, state in states.items() if state.get("End") or state["Type"] in TERMINAL}
    for name, state in states.items():
        yield from (
            f"{name} goes to {target}, which is not there" for target in following(state) if target not in states
        )
        if name not in ends and not following(state):
            yield f"{name} leads nowhere"
        if name in ends and "Next" in state:
            yield f"{name} ends and goes on"
        if state["Type"] == "Choice" and "Default" not in state:
            yield f"{name} has no default"
        if state["Type"] == "Task":
            yield from (
                f"{name} has no {needed}" for needed in ("TimeoutSeconds", "Retry", "Catch") if needed not in state
            )
    reached = _closure({graph["StartAt"]}, {name: following(state) for name, state in states.items()})
    yield from (f"{name} is never reached" for name in sorted(set(states) - reached))
    backwards: dict[str, list[str]] = {name: [] for name in states}
    for name, state in states.items():
        for target in following(state):
            backwards.setdefault(target, []).append(name)
    yield from (f"{name} never comes to an end" for name in sorted(set(states) - _closure(ends, backwards)))


def _closure(start: set[str], edges: dict[str, list[str]]) -> set[str]:
    found, open_ends = set(start), list(start)
    while open_ends:
        for target in edges.get(open_ends.pop(), []):
            if target not in found:
                found.add(target)
                open_ends.append(target)
    return found


def test_the_shipped_graph_has_no_fault() -> None:
    assert faults(definition()) == []


@pytest.mark.parametrize(
    ("path", "change", "fault"),
    [
        ("Groups", {"Next": "Finnish"}, "workflow: Groups goes to Finnish, which is not there"),
        ("Groups", {"Next": "Groups", "Catch": []}, "workflow: Groups never comes to an end"),
        ("Groups.Stages.Step", {"Catch": [{"Next": "Left"}]}, "Stages: Broken is never reached"),
        ("Prepare", {"Retry": None}, "workflow: Prepare has no Retry"),
        ("Finish", {"TimeoutSeconds": None}, "workflow: Finish has no TimeoutSeconds"),
        ("Groups.Stages.Step", {"Catch": None}, "Stages: Step has no Catch"),
        ("Groups.Stages.Answered", {"Default": None}, "Stages: Answered has no default"),
        ("Groups.Stages.Left", {"End": None}, "Stages: Left leads nowhere"),
        ("Groups.Stages.Left", {"End": None, "Next": "Step"}, "Stages: Wait never comes to an end"),
    ],
)
def test_a_fault_in_the_graph_would_be_found(path: str, change: dict[str, Any], fault: str) -> None:
    broken = copy.deepcopy(definition())
    state: Graph = {"ItemProcessor": broken}
    for name in path.split("."):
        state = state["ItemProcessor"]["States"][name]
    for name, value in change.items():
        if value is None:
            del state[name]
        else:
            state[name] = value
    assert fault in faults(broken)


def test_states_pass_references_only() -> None:
    """Nothing that a function answers is kept but groups, an outcome and a reason: all of it small."""
    every = [state for _, graph in graphs(definition()) for state in graph["States"].values()]
    kept = {
        state.get("ResultPath", "$") for state in every if state["Type"] in ("Task", "Map") and not state.get("End")
    }
    assert kept == {"$.prepared", "$.step", None}


def test_each_time_limit_fits_into_the_next_one() -> None:
    """A step's call, its function, its state; and an execution, before its hold counts as left behind."""
    function = deployed({"Stage": "prod"})["ResearchFunction"]["Properties"]
    step_s = int(function["Environment"]["Variables"]["FORGE_TIME_LIMIT_S"])
    assert step_s + SETTLE_MS // 1000 <= function["Timeout"]
    tasks = [
        state for _, graph in graphs(definition()) for state in graph["States"].values() if state["Type"] == "Task"
    ]
    assert all(state["TimeoutSeconds"] > function["Timeout"] for state in tasks)
    assert definition()["TimeoutSeconds"] * 1000 == EXECUTION_MS_MAX < RUN_HOLD_AGE_MAX_MS
    sweep_after_s = int(transformed()["Mappings"]["Sweep"]["prod"]["AfterSeconds"])
    assert sweep_after_s > function["Timeout"], "an intent is only old when no function can still run it"


def test_every_task_calls_the_one_function() -> None:
    tasks = [
        state for _, graph in graphs(definition()) for state in graph["States"].values() if state["Type"] == "Task"
    ]
    assert {state["Resource"] for state in tasks} == {"${ResearchFunctionArn}"}
