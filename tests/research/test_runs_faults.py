"""Every way in which a step can go wrong: what the run comes to, and that the money is right whatever it is.

`make test` faces each fault at one step; the proof faces each at every step, and resumes the run to its end.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from functions.research.runs import Run, RunState, StepState
from tests.research.provider import Answer, Killed, Process, Provider, answered, refused
from tests.research.runs_bench import ASKED, TEXT, Research
from tokens_forge.providers.port import UpstreamFailure
from tokens_forge.settlement import Books, Settlement
from tokens_forge.store.port import StoreFault

FIRST = "price_analyst"
STAGES = ("price_analyst", "news_analyst", "bull_1", "bear_1", "judge", "risk_review", "final_report")
WAITS_OUT_A_LEASE = 36_000


def provider_of(research: Research) -> Provider:
    assert research.provider is not None
    return research.provider


Facing = Callable[[Research, str, str], None]


def answers(*given: Answer | UpstreamFailure) -> Facing:
    """The step's next calls get these."""

    def face(research: Research, run_id: str, stage_id: str) -> None:
        provider_of(research).script.extend(given)
        research.step(run_id, stage_id)

    return face


def dies(**how: Any) -> Facing:
    """The process dies there; Step Functions calls the handler again."""

    def face(research: Research, run_id: str, stage_id: str) -> None:
        event = {"action": "step", "run": {**research.given(run_id), "stage_id": stage_id}}
        with pytest.raises(Killed):
            research.call(event, Process(**how))
        research.step(run_id, stage_id)

    return face


def without_balance(research: Research, run_id: str, stage_id: str) -> None:
    """The run's hold is gone: released by the reconciliation, say."""
    run = research.run_of(run_id)
    settlement = Settlement(Books(research.deployment.ledger, research.clock))
    settlement.runs.end(research.deployment.wallet(), run.hold_id)
    research.step(run_id, stage_id)


def cancelled(research: Research, run_id: str, stage_id: str) -> None:
    assert research.send("POST", f"/runs/{run_id}/cancel").status_code == 202
    research.step(run_id, stage_id)


def cancelled_meanwhile(research: Research, run_id: str, stage_id: str) -> None:
    """Cancelled while the provider works: what was sent is charged."""
    run = research.run_of(run_id)
    provider_of(research).when_asked = lambda: _ask_cancel(research, run)
    research.step(run_id, stage_id)
    provider_of(research).when_asked = None


def _ask_cancel(research: Research, run: Run) -> None:
    assert research.runs.ask_cancel(run)


@dataclass(frozen=True)
class Fault:
    """`step` is what becomes of the step, `calls` how often the provider is asked for it; `goes_on` when the run is unharmed."""

    face: Facing
    step: StepState | None
    calls: int
    goes_on: bool
    reason: str | None = None


FAULTS = {
    "429": Fault(answers(refused(429, **{"retry-after": "3"})), StepState.DONE, 2, True),
    "5xx": Fault(answers(refused(500), refused(503)), StepState.DONE, 3, True),
    "5xx for ever": Fault(answers(*[refused(500)] * 9), StepState.FAILED, 4, False, "no_healthy_route"),
    "timeout": Fault(answers(UpstreamFailure("timeout")), StepState.DONE, 2, True),
    "malformed": Fault(answers(Answer(200, b'{"id": "chatcmpl-1", "choi')), StepState.DONE, 2, True),
    "rejected": Fault(answers(refused(400)), StepState.FAILED, 1, False, "upstream_rejected"),
    "refusal": Fault(answers(answered("I'm sorry, I can't help with that.")), StepState.UNUSABLE, 1, True),
    "empty": Fault(answers(answered("", output_tokens=0)), StepState.UNUSABLE, 1, True),
    "wrong language": Fault(
        answers(answered("价格在此期间上涨了，但是风险依然存在。" * 9)), StepState.UNUSABLE, 1, True
    ),
    "overrun": Fault(answers(answered(TEXT, output_tokens=900_000)), StepState.DONE, 1, True),
    "crash before answer": Fault(dies(dies_before_answer=True), StepState.DONE, 2, True),
    "crash after answer, before its entry": Fault(dies(dies_after=0), StepState.DONE, 2, True),
    "crash after its entry": Fault(dies(dies_after=1), StepState.DONE, 2, True),
    "crash after its answer was kept": Fault(dies(dies_after=2), StepState.DONE, 1, True),
    "crash after its text was kept": Fault(dies(dies_after=3), StepState.DONE, 1, True),
    "no balance": Fault(without_balance, StepState.FAILED, 0, False, "run_hold_spent"),
    "cancel": Fault(cancelled, None, 0, False, "cancelled"),
    "cancel meanwhile": Fault(cancelled_meanwhile, StepState.DONE, 1, False, "cancelled"),
}


MORE = ("5xx for ever", "rejected", "empty", "wrong language", "crash after its text was kept")
CASES = [pytest.param(name, marks=pytest.mark.proof if name in MORE else ()) for name in FAULTS]


@pytest.mark.parametrize("name", CASES)
def test_a_step_that_goes_wrong_is_charged_once_or_not_at_all(research: Research, name: str) -> None:
    fault = FAULTS[name]
    run_id = research.begin()
    research.call({"action": "prepare", "run": research.given(run_id)})
    fault.face(research, run_id, FIRST)
    step = research.steps_of(run_id).get(FIRST)
    assert (step.state if step is not None else None) is fault.step
    assert provider_of(research).asked == fault.calls
    if step is not None and step.state in (StepState.DONE, StepState.UNUSABLE):
        assert (step.charge_nano or 0) > 0 or name == "empty"
    research.check_books(run_id, is_over=False)
    assert research.step(run_id, "news_analyst") == ("done" if fault.goes_on else "skipped")
    state = RunState(research.call({"action": "finish", "run": research.given(run_id)})["state"])
    assert state in (RunState.INCOMPLETE, RunState.FAILED, RunState.CANCELLED)
    if fault.reason is not None:
        assert str(research.run_of(run_id).reason) == fault.reason
    research.check_books(run_id)


def test_an_overrun_is_charged_what_was_held_and_not_more(research: Research) -> None:
    run_id = research.begin()
    research.call({"action": "prepare", "run": research.given(run_id)})
    FAULTS["overrun"].face(research, run_id, FIRST)
    step = research.steps_of(run_id)[FIRST]
    [entry] = [entry for entry in research.entries() if entry.request is not None]
    assert entry.request is not None and entry.request.uncharged_nano > 0
    assert step.charge_nano == entry.request.hold_nano <= research.run_of(run_id).planned(FIRST).highest_nano


@pytest.mark.proof
@pytest.mark.parametrize("stage_id", STAGES)
@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_at_each_step_and_then_to_the_end(research: Research, name: str, stage_id: str) -> None:
    """Whatever happened, a resumed run comes to its end without paying for a finished step again."""
    fault = FAULTS[name]
    run_id = research.begin()
    for group in research.call({"action": "prepare", "run": research.given(run_id)})["groups"]:
        for each in group:
            if each == stage_id:
                fault.face(research, run_id, each)
            else:
                research.step(run_id, each)
    research.call({"action": "finish", "run": research.given(run_id)})
    research.check_books(run_id)
    shown = research.show(run_id)
    if fault.goes_on:
        assert shown["state"] == ("completed" if fault.step is StepState.DONE else "incomplete")
        return
    assert shown["reason"] == fault.reason
    provider_of(research).script.clear()
    research.clock.shift_ms += 120_000  # the circuit has closed again
    resumed = research.send("POST", f"/runs/{run_id}/resume")
    assert resumed.status_code == 202, resumed.text
    asked = provider_of(research).asked
    finished = sum(step.state.is_final for step in research.steps_of(run_id).values())
    assert research.drive(run_id) is RunState.COMPLETED
    assert provider_of(research).asked - asked == len(STAGES) - finished
    research.check_books(run_id)


@pytest.mark.parametrize("status", ["ABORTED", "TIMED_OUT"])
def test_a_stopped_execution_is_finished_by_its_event_and_can_be_resumed(research: Research, status: str) -> None:
    run_id = research.begin()
    research.call({"action": "prepare", "run": research.given(run_id)})
    research.step(run_id, FIRST)
    stopped = research.given(run_id)
    research.stopped(run_id, status)
    research.stopped(run_id, status)
    assert research.show(run_id)["state"] == "incomplete" and research.show(run_id)["reason"] == "execution_stopped"
    research.check_books(run_id)
    assert research.step(run_id, "news_analyst") == "skipped", "a state that was under way finds nothing to do"
    assert research.send("POST", f"/runs/{run_id}/resume").status_code == 202
    late = {"detail": {"status": status, "input": json.dumps(stopped)}}
    assert research.call(late) == {"state": None}, "news of an earlier execution ends nothing"
    assert research.drive(run_id) is RunState.COMPLETED
    assert provider_of(research).asked == len(STAGES)
    research.check_books(run_id)


def test_a_step_under_way_while_its_execution_is_stopped_is_charged_and_found_again(research: Research) -> None:
    run_id = research.begin()
    research.call({"action": "prepare", "run": research.given(run_id)})
    event = {"action": "step", "run": {**research.given(run_id), "stage_id": FIRST}}
    with pytest.raises(Killed):
        research.call(event, Process(dies_after=1))  # charged, and its answer lost
    research.stopped(run_id)
    shown = research.show(run_id)
    assert shown["state"] == "failed" and shown["charged"] != "0.00", "what the ledger says is shown"
    spent = research.check_books(run_id)
    research.clock.shift_ms += WAITS_OUT_A_LEASE
    assert research.send("POST", f"/runs/{run_id}/resume").status_code == 202
    assert research.drive(run_id) is RunState.COMPLETED
    assert research.check_books(run_id) > spent
    assert sum(bool(step.charge_nano) for step in research.steps_of(run_id).values()) == len(STAGES)


def test_a_step_sends_again_what_it_sent_first_whatever_has_changed_since(research: Research) -> None:
    """Its prompt may be another by now: with other texts before it here, with other code in a deployment."""
    run_id = research.begin()
    research.call({"action": "prepare", "run": research.given(run_id)})
    event = {"action": "step", "run": {**research.given(run_id), "stage_id": "judge"}}
    with pytest.raises(Killed):
        research.call(event, Process(dies_after=1))  # charged, and its answer lost
    research.step(run_id, FIRST)
    research.step(run_id, "judge")
    assert provider_of(research).asked == 3
    charged = [entry for entry in research.entries() if entry.wallet_nano < 0]
    assert len(charged) == 2, "one for each step"
    research.check_books(run_id, is_over=False)


def test_a_key_that_is_revoked_ends_its_run_at_the_next_step(research: Research) -> None:
    run_id = research.begin()
    research.call({"action": "prepare", "run": research.given(run_id)})
    research.step(run_id, FIRST)
    reader = research.deployment.key()
    research.deployment.revoke(research.token)
    assert research.step(run_id, "news_analyst") == "skipped"
    research.call({"action": "finish", "run": research.given(run_id)})
    research.token = reader
    shown = research.show(run_id)
    assert (shown["state"], shown["reason"]) == ("incomplete", "invalid_api_key")
    assert provider_of(research).asked == 1
    research.check_books(run_id)


def test_a_store_that_is_silent_when_the_run_begins_leaves_nothing_behind(research: Research) -> None:
    class Silent:
        def start(self, run: object, *, to_end: bool = False) -> None:
            raise StoreFault("no answer")

    research.executions = Silent()
    assert research.send("POST", "/runs", ASKED).status_code == 503
    assert research.send("GET", "/runs").json()["data"] == []
    assert research.deployment.wallet().held_nano == 0
