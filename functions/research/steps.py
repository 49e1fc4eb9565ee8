"""A step: one model call, sent as any client's request with an Idempotency-Key, on behalf of the key that started the run.

It is idempotent by run, stage and input, and its input is frozen when it is first sent: a finished step is read back, and a call
whose process died is attached to, ended, or taken over by the same rules as a client's retry. So a step is charged by one receipt
at most, whatever happened in between.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from anyio import to_thread

from functions.research import prompts
from functions.research.estimates import bytes_max, step_request
from functions.research.number_check import check, repair_messages
from functions.research.presets import Role, Stage
from functions.research.run_store import RunStore
from functions.research.runs import PlannedStage, Run, RunState, Step, StepState
from functions.research.snapshot import Snapshot
from functions.research.text_problems import text_problems
from functions.research.texts import Texts, answer_place, request_place
from tokens_forge.errors import (
    ForgeError,
    GatewayError,
    NoHealthyRoute,
    RateLimited,
    StillRunning,
    TooManyHolds,
)
from tokens_forge.identity import OnBehalf, Part
from tokens_forge.journal import Entry, EntryType, entry_id_of
from tokens_forge.receipts import receipt_id_of
from tokens_forge.requests.chat import parse_chat
from tokens_forge.requests.inference import InferenceRequest, encode
from tokens_forge.retries.claims import ClaimStore, KeptAnswer, RetryMarks
from tokens_forge.retries.service import RetrySafety
from tokens_forge.store.port import LedgerStore
from tokens_forge.threads import run_to_end

TRIES_MAX = 5
WAIT_S_MAX = 60
STILL_RUNNING_WAIT_S = 10
# The moment is in the way, not the request: the same step may pass later.
_PASSING = (NoHealthyRoute, RateLimited, TooManyHolds, GatewayError)

log = logging.getLogger("tokens_forge.research")


class Outcome(StrEnum):
    """What the workflow is told of a step. What went wrong with a run is in its table."""

    DONE = "done"
    AGAIN = "again"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class StepResult:
    """`wait_s` is how long to wait before trying again."""

    outcome: Outcome
    wait_s: int = 0


class Steps:
    """Runs steps. Its methods run on the event loop."""

    def __init__(
        self, runs: RunStore, texts: Texts, inference: RetrySafety, ledger: LedgerStore, claims: ClaimStore
    ) -> None:
        self._runs = runs
        self._texts = texts
        self._inference = inference
        self._ledger = ledger
        self._claims = claims

    async def run(self, run: Run, stage_id: str, deadline_ms: int) -> StepResult:
        """Bring one step of a run further, by `deadline_ms`."""
        planned = run.planned(stage_id)
        step = await to_thread.run_sync(self._runs.read_step, run, stage_id)
        if step is not None and step.state.is_final:
            return StepResult(Outcome.DONE)
        if run.state is not RunState.IN_PROGRESS or run.cancel_asked or run.stop is not None:
            return StepResult(Outcome.SKIPPED)
        made = await to_thread.run_sync(self._request, run, planned, step)
        if made is None or isinstance(made, str):
            await to_thread.run_sync(self._finish_without_a_call, run, planned, made)
            return StepResult(Outcome.DONE)
        marks = _marks(run, planned, made)
        begun = Step(run.run_id, stage_id, StepState.SENT, planned.model, marks.name)
        if step is not None and step.state is StepState.SENT:
            begun = step
        else:
            await to_thread.run_sync(self._freeze, run, begun, made)
        sender = OnBehalf(run.account_id, run.key_id, run.key_kind, Part(run.hold_id, planned.highest_nano))
        try:
            answered = await self._inference.infer(sender, made, deadline_ms, marks)
        except StillRunning:
            return StepResult(Outcome.AGAIN, STILL_RUNNING_WAIT_S)
        except ForgeError as error:
            return await to_thread.run_sync(self._failed, run, begun, error)
        assert isinstance(answered, KeptAnswer), "a step asks for a whole answer"
        await run_to_end(lambda: self._keep(run, begun, answered))
        return StepResult(Outcome.DONE)

    def find_lost(self, run: Run) -> None:
        """Read back what a step was charged whose process died after its call: its claim names its request. Blocks."""
        for step in self._runs.steps(run).values():
            claim = self._claims.read(run.key_id, step.claim) if step.claim and step.charge_nano is None else None
            if claim is not None:
                charged = self._charged(run, claim.instead_of or claim.request_id)
                if charged is not None:
                    self._runs.keep_step(run, _with_charge(step, charged))

    def _freeze(self, run: Run, begun: Step, made: InferenceRequest) -> None:
        """Keep what is about to be sent: until it is answered, this step sends nothing else. Prompts may change with the code."""
        self._texts.put(request_place(run, begun.stage_id), encode(made.fields))
        self._runs.keep_step(run, begun)

    def _request(self, run: Run, planned: PlannedStage, step: Step | None) -> InferenceRequest | str | None:
        """What is sent; or a text that stands for the answer, or None, when nothing has to be sent. Blocks."""
        if step is not None:
            frozen = self._texts.get(request_place(run, step.stage_id))
            assert frozen is not None, "a step is only sent when its request is kept"
            return parse_chat(json.loads(frozen))
        snapshot = self.snapshot(run)
        answers = self.answers(run)
        language = run.request.language
        if planned.stage.role is Role.REPAIR:
            report = answers.get(Role.FINAL_REPORT.value)
            findings = check(report, snapshot.by_id).findings if report is not None else ()
            if report is None or not findings:
                return None
            return _within(planned, lambda stage: repair_messages(stage, report, findings, snapshot, language))
        given = prompts.text_without_a_call(planned.stage, snapshot, language)
        if given is not None:
            return given
        groups = {each.stage.stage_id: each.stage.group for each in run.plan}
        earlier = {name: text for name, text in answers.items() if groups[name] < planned.stage.group}
        return _within(planned, lambda stage: prompts.build(stage, snapshot, earlier, language))

    def snapshot(self, run: Run) -> Snapshot:
        """The frozen data. Blocks."""
        content = self._texts.get(run.snapshot) if run.snapshot is not None else None
        assert content is not None, "a step comes after the snapshot"
        return Snapshot.from_bytes(content)

    def answers(self, run: Run) -> dict[str, str]:
        """The usable answers so far, by stage. Blocks."""
        found = {}
        for stage_id, step in sorted(self._runs.steps(run).items()):
            if step.state in (StepState.DONE, StepState.NOT_NEEDED):
                content = self._texts.get(answer_place(run, stage_id))
                if content is not None:
                    found[stage_id] = content.decode()
        return found

    def _finish_without_a_call(self, run: Run, planned: PlannedStage, text: str | None) -> None:
        stage_id = planned.stage.stage_id
        if text is not None:
            self._texts.put(answer_place(run, stage_id), text.encode())
        self._runs.keep_step(run, Step(run.run_id, stage_id, StepState.NOT_NEEDED))

    def _keep(self, run: Run, step: Step, answered: KeptAnswer) -> None:
        """The text first, then the step: a step is only finished when its text is there."""
        text = _text_of(answered.body)
        problems = text_problems(text, run.request.language)
        self._texts.put(answer_place(run, step.stage_id), text.encode("utf-8", "replace"))
        charged = self._charged(run, answered.headers["x-forge-receipt-id"])
        finished = replace(
            step if charged is None else _with_charge(step, charged),
            state=StepState.UNUSABLE if problems else StepState.DONE,
            receipt_id=answered.headers["x-forge-receipt-id"] if charged is None else receipt_id_of(charged),
            replayed=answered.headers.get("idempotent-replayed") == "true",
            reason=", ".join(problem.value for problem in problems) or None,
        )
        self._runs.keep_step(run, finished)

    def _charged(self, run: Run, request_id: str) -> Entry | None:
        """The entry that charged this step: a retry of an answer that got lost costs nothing, and names it. None while pending."""
        entry = self._ledger.read_entry(run.account_id, run.wallet, entry_id_of(request_id, EntryType.REQUEST))
        if entry is not None and entry.reference is not None:
            return self._charged(run, entry.reference)
        if entry is not None and not entry.wallet_nano:
            late = self._ledger.read_entry(run.account_id, run.wallet, entry_id_of(request_id, EntryType.LATE))
            return late if late is not None and late.wallet_nano else entry
        return entry

    def _failed(self, run: Run, step: Step, error: ForgeError) -> StepResult:
        """Nothing was charged. Try again later where that may help; else no further step of this run is sent."""
        tries = step.tries + 1
        reason = error.code or error.error_class.value
        passes = isinstance(error, _PASSING) and tries < TRIES_MAX
        self._runs.keep_step(
            run, replace(step, state=StepState.SENT if passes else StepState.FAILED, tries=tries, reason=reason)
        )
        if passes:
            return StepResult(Outcome.AGAIN, min(int(error.headers.get("retry-after", "2")), WAIT_S_MAX))
        self._runs.stop(run, reason)
        log.warning("a step failed", extra={"run_id": run.run_id, "stage": step.stage_id, "reason": reason})
        return StepResult(Outcome.SKIPPED)


def _within(planned: PlannedStage, make: Callable[[Stage], list[dict[str, str]] | None]) -> InferenceRequest | None:
    """The request of a stage, in which JSON's escapes count too: its text is cut until the whole fits the estimate.

    None when nothing can be sent within that.
    """
    stage = planned.stage
    while (messages := make(stage)) is not None:
        request = step_request(stage, planned.model, messages)
        excess = request.text_bytes - bytes_max(planned.stage)
        if excess <= 0:
            return request
        stage = replace(stage, size=replace(stage.size, input_bytes_max=stage.size.input_bytes_max - excess))
    return None


def _marks(run: Run, planned: PlannedStage, request: InferenceRequest) -> RetryMarks:
    """The step as a client's keyed request. No header can hold a line break, so that no client can use this key."""
    digest = hashlib.sha256(encode(request.fields)).hexdigest()
    return RetryMarks(digest, f"research\n{run.run_id}\n{planned.stage.stage_id}\n{digest}", 0)


def _text_of(body: bytes) -> str:
    message: Mapping[str, object] = json.loads(body)["choices"][0]["message"]
    content = message.get("content") or message.get("refusal")
    return content if isinstance(content, str) else ""


def _with_charge(step: Step, charged: Entry) -> Step:
    assert charged.request is not None, "a step's entry is a receipt"
    return replace(
        step,
        receipt_id=receipt_id_of(charged),
        charge_nano=charged.request.charge_nano,
        usage=charged.request.usage,
    )
