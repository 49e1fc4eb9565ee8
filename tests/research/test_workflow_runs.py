"""The shipped workflow file runs against the real handler and the real tables."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from functions.research.runs import RunState
from tests.research.runs_bench import Research, research_on
from tests.research.workflow_here import WorkflowHere, workflow_here
from tests.support.deployment import Deployment
from tests.support.upstream import Upstream


def run_through(research: Research, workflow: WorkflowHere, **asked: Any) -> tuple[str, str]:
    """Begin a run and wait for its execution: the run's id and the execution's status."""
    research.executions = workflow.executions
    run_id = research.begin(**asked)
    return run_id, workflow.wait(f"{run_id}-1")


def test_a_run_goes_through_the_shipped_workflow_to_its_report(
    deployment: Deployment, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        research_on(deployment, upstream) as research,
        workflow_here(monkeypatch, research.call) as workflow,
    ):
        run_id, status = run_through(research, workflow)
        assert status == "SUCCEEDED"
        shown = research.show(run_id)
        assert (shown["state"], shown["reason"]) == ("completed", None)
        assert research.check_books(run_id) > 0
        assert len(upstream.requests) == sum(stage["state"] == "done" for stage in shown["stages"]) == 7
        for suffix in ("json", "md", "html"):
            report = research.send("GET", f"/runs/{run_id}/report.{suffix}")
            assert report.status_code == 200 and run_id in report.text


def test_a_handler_that_dies_is_called_again_and_no_step_is_paid_twice(
    deployment: Deployment, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: Counter[str] = Counter()

    def dies_once_in_every_state(event: dict[str, Any]) -> dict[str, Any]:
        name = f"{event['action']} {event['run'].get('stage_id')}"
        calls[name] += 1
        answer = research.call(event)
        if calls[name] == 1:
            raise RuntimeError("killed after the answer")
        return answer

    with (
        research_on(deployment, upstream) as research,
        workflow_here(monkeypatch, dies_once_in_every_state) as workflow,
    ):
        run_id, status = run_through(research, workflow)
        assert status == "SUCCEEDED"
        assert research.show(run_id)["state"] == "completed"
        assert set(calls.values()) == {2}
        assert len(upstream.requests) == 7
        research.check_books(run_id)


def test_a_handler_that_always_dies_at_one_step_ends_the_run_with_what_there_is(
    deployment: Deployment, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies_at_the_judge(event: dict[str, Any]) -> dict[str, Any]:
        if event["action"] == "step" and event["run"]["stage_id"] == "judge":
            raise RuntimeError("killed")
        return research.call(event)

    with (
        research_on(deployment, upstream) as research,
        workflow_here(monkeypatch, dies_at_the_judge) as workflow,
    ):
        run_id, status = run_through(research, workflow)
        assert status == "SUCCEEDED"
        shown = research.show(run_id)
        assert (shown["state"], shown["reason"]) == (RunState.INCOMPLETE, "handler_failed")
        assert shown["report"]["is_partial"]
        assert len(upstream.requests) == 4
        research.check_books(run_id)


def test_an_execution_whose_end_fails_is_finished_by_the_event(
    deployment: Deployment, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cannot_finish(event: dict[str, Any]) -> dict[str, Any]:
        if event["action"] == "finish":
            raise RuntimeError("killed")
        return research.call(event)

    with (
        research_on(deployment, upstream) as research,
        workflow_here(monkeypatch, cannot_finish) as workflow,
    ):
        run_id, status = run_through(research, workflow)
        assert status == "FAILED"
        assert research.show(run_id)["state"] == "in_progress"
        research.stopped(run_id, "FAILED")
        assert research.show(run_id)["state"] == "completed", "every step was done"
        research.check_books(run_id)
