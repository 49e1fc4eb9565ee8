"""What the workflow's one function does, by the action that a state names. It returns outcomes and raises only the unexpected."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from anyio import to_thread

from functions.research.run_store import RunStore
from functions.research.runs import Run
from functions.research.steps import Outcome, Steps
from functions.research.workflow import STOPPED, Workflow
from tokens_forge.clock import Clock

SETTLE_MS = 10_000  # kept back from the function's time, so that settling always gets its turn
HANDLER_FAILED = "handler_failed"


class StepHandler:
    """One per invocation. `time_limit_s` is the longest that one step may take."""

    def __init__(self, runs: RunStore, steps: Steps, workflow: Workflow, clock: Clock, *, time_limit_s: float) -> None:
        self._runs = runs
        self._steps = steps
        self._workflow = workflow
        self._clock = clock
        self._time_limit_ms = int(time_limit_s * 1000)

    async def handle(self, event: Mapping[str, Any], time_left_ms: int) -> dict[str, Any]:
        """Answer a state of the workflow, or an event about an execution that ended without ending its run."""
        if "detail" in event:
            return await self._stopped(event["detail"])
        given = event["run"]
        run = await self._run(given)
        match event["action"]:
            case "prepare":
                groups = await to_thread.run_sync(self._workflow.prepare, run) if run is not None else []
                return {"groups": groups}
            case "step":
                if run is None:
                    return {"outcome": Outcome.SKIPPED.value}
                deadline_ms = self._clock.now_ms() + min(self._time_limit_ms, time_left_ms - SETTLE_MS)
                result = await self._steps.run(run, given["stage_id"], deadline_ms)
                return {"outcome": result.outcome.value, "wait_s": result.wait_s}
            case "broken":
                if run is not None:
                    await to_thread.run_sync(self._runs.stop, run, HANDLER_FAILED)
                return {"outcome": Outcome.SKIPPED.value}
            case "finish":
                return await self._finish(run, given.get("failure", {}).get("Error"))
            case action:
                raise ValueError(f"no such action: {action!r}")

    async def _stopped(self, detail: Mapping[str, Any]) -> dict[str, Any]:
        """Step Functions skips every Catch when an execution is stopped or runs out of time: an event rule tells us instead."""
        return await self._finish(await self._run(json.loads(detail["input"])), STOPPED)

    async def _finish(self, run: Run | None, failure: str | None) -> dict[str, Any]:
        state = await to_thread.run_sync(self._workflow.finish, run, failure) if run is not None else None
        return {"state": state.value if state is not None else None}

    async def _run(self, given: Mapping[str, Any]) -> Run | None:
        """The run, if this is still its present execution."""
        run = await to_thread.run_sync(self._runs.read, given["account_id"], given["run_id"])
        return run if run is not None and run.execution == given["execution"] else None
