"""What the workflow does before and after the model calls: freeze the data, and end the run.

Every operation may be repeated and may come late: it looks at the run first, and changes it by conditional writes only. Money
is ended before the state is: an ended run holds nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence

from functions.research import report as reports
from functions.research.report import Report, RunFacts, StepReceipt
from functions.research.report_html import render_html
from functions.research.report_markdown import render_markdown
from functions.research.request import ResearchRequest, VendorKeys
from functions.research.run_store import RunStore
from functions.research.runs import ACTIVE, Run, RunState, Step, StepState
from functions.research.snapshot import freeze
from functions.research.sources.port import Source, fetch_all
from functions.research.steps import Steps
from functions.research.texts import Texts, report_place, snapshot_place
from tokens_forge.clock import Clock
from tokens_forge.errors import RequestError
from tokens_forge.money import decimal
from tokens_forge.settlement import Settlement
from tokens_forge.store.port import LedgerStore

STOPPED = "execution_stopped"
CANCELLED = "cancelled"
Sources = Callable[[ResearchRequest, VendorKeys, str], Sequence[Source]]  # of a request, for an account

log = logging.getLogger("tokens_forge.research")


class Workflow:
    """Its methods block: call them from a worker thread."""

    def __init__(
        self,
        runs: RunStore,
        texts: Texts,
        steps: Steps,
        sources: Sources,
        settlement: Settlement,
        ledger: LedgerStore,
        clock: Clock,
    ) -> None:
        self._runs = runs
        self._texts = texts
        self._steps = steps
        self._sources = sources
        self._settlement = settlement
        self._ledger = ledger
        self._clock = clock

    def prepare(self, run: Run) -> list[list[str]]:
        """Begin the execution and freeze the data, once for all executions. Returns the stages to send, group after group."""
        if run.cancel_asked or not self._runs.begin(run, self._clock.now_ms()):
            return []
        if run.snapshot is None:
            try:
                sources = self._sources(run.request, self._runs.vendor_keys(run), run.account_id)
                snapshot = freeze(run.request, fetch_all(sources, run.request, self._clock))
            except RequestError as error:  # the user's own file, or no source gave anything
                self._runs.stop(run, f"no_data: {error.message}")
                return []
            self._texts.put(snapshot_place(run), snapshot.to_bytes())
            self._runs.keep_snapshot(run, snapshot_place(run), snapshot.sha256)
        self._runs.forget_vendor_keys(run)
        return run.groups

    def finish(self, run: Run, failure: str | None = None) -> RunState:
        """Release what is left of the hold, write the report, and say how the run ended. `failure` is what stopped the workflow."""
        if run.state not in ACTIVE:
            return run.state
        wallet = self._ledger.read_wallet(run.account_id, run.wallet)
        assert wallet is not None, "a wallet is never deleted"
        self._settlement.runs.end(wallet, run.hold_id)
        self._runs.forget_vendor_keys(run)
        self._steps.find_lost(run)
        steps = self._runs.steps(run)
        state, reason = ending_of(run, steps, failure)
        has_report = self._write_report(run, steps, state, reason)
        if state is RunState.COMPLETED and not has_report:
            state, reason = RunState.FAILED, "report_failed"
        self._runs.end(run, state, self._clock.now_ms(), reason=reason, has_report=has_report)
        return state

    def _write_report(self, run: Run, steps: Mapping[str, Step], state: RunState, reason: str | None) -> bool:
        """Whether there is a report, if only of a part. Its failure must not keep the run from ending."""
        if run.snapshot is None or not any(step.state is StepState.DONE for step in steps.values()):
            return False
        facts = RunFacts(run.run_id, state.value, run.models, receipts_of(run, steps), reason)
        try:
            made: Report = reports.build(run.request, self._steps.snapshot(run), facts, self._steps.answers(run))
            contents = {
                "json": made.to_bytes(),
                "md": render_markdown(made).encode(),
                "html": render_html(made).encode(),
            }
        except Exception:
            log.exception("a report could not be made", extra={"run_id": run.run_id})
            return False
        for suffix, content in contents.items():
            self._texts.put(report_place(run, suffix), content)
        return True


def ending_of(run: Run, steps: Mapping[str, Step], failure: str | None) -> tuple[RunState, str | None]:
    """How a run ends, by what its steps have come to, and why it is not complete."""
    missing = [planned.stage.stage_id for planned in run.plan if not _is_settled(steps.get(planned.stage.stage_id))]
    # What an optional stage should have put right is removed from the report instead.
    needed = {planned.stage.stage_id for planned in run.plan if not planned.stage.optional}
    unusable = [
        f"{stage_id}: {step.reason}"
        for stage_id, step in sorted(steps.items())
        if step.state is StepState.UNUSABLE and stage_id in needed
    ]
    if not missing and not unusable:
        return RunState.COMPLETED, None
    if run.cancel_asked and missing:
        return RunState.CANCELLED, CANCELLED
    reason = run.stop or failure or (f"unusable_answer ({', '.join(unusable)})" if unusable else "steps_missing")
    something = any(step.state is StepState.DONE for step in steps.values())
    return (RunState.INCOMPLETE if something and run.state is RunState.IN_PROGRESS else RunState.FAILED), reason


def _is_settled(step: Step | None) -> bool:
    return step is not None and step.state.is_final


def receipts_of(run: Run, steps: Mapping[str, Step]) -> tuple[StepReceipt, ...]:
    """A line for each step that has a receipt, in the order of the plan. A repair is part of the plan like any other stage."""
    return tuple(
        StepReceipt(
            stage_id=step.stage_id,
            model=step.model,
            receipt_id=step.receipt_id,
            wallet=run.wallet.value,
            currency=run.currency,
            charge=decimal(step.charge_nano or 0),
            input_tokens=step.usage.input_side,
            output_tokens=step.usage.output,
            replayed=step.replayed,
        )
        for planned in run.plan
        if (step := steps.get(planned.stage.stage_id)) is not None and step.receipt_id is not None
    )
