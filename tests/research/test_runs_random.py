"""Whatever happens to a run, in whatever order: one receipt for a step, spent ≤ hold ≤ estimate, nothing held at the end."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from functions.research.runs import ACTIVE, RunState
from tests.research.provider import Answer, Killed, Process, Provider, answered, refused
from tests.research.runs_bench import TEXT, Research, research_on
from tests.support.clocks import MINUTE_MS
from tests.support.deployment import Deployment, deploy
from tests.support.engines import Engine
from tests.support.moto_engine import moto_engine
from tokens_forge.journal import EntryType
from tokens_forge.providers.port import UpstreamFailure
from tokens_forge.settlement import Books, Settlement
from tokens_forge.wallets import WalletKind

SWEPT_AFTER_MS = 20 * MINUTE_MS  # more than the sweeper waits, and than any lease
STAGES = 8
happenings = st.one_of(
    *[st.tuples(st.just("go_on"))] * 4,  # more often than any trouble: else hardly a run would come to its end
    st.sampled_from([("resume",), ("stop",), ("finish",), ("cancel",)]),
    st.tuples(st.just("step"), st.integers(0, STAGES - 1)),
    st.tuples(st.just("step"), st.integers(0, STAGES - 1)),
    st.tuples(st.just("die"), st.integers(0, STAGES - 1), st.integers(-1, 6)),
    st.tuples(st.just("fail"), st.sampled_from(["429", "500", "timeout", "refusal", "overrun", "empty"])),
    st.tuples(st.just("wait"), st.sampled_from([1_000, 40_000, 20 * MINUTE_MS])),
    st.sampled_from(
        [("finish",), ("stop",), ("cancel",), ("resume",), ("sweep",), ("reconcile",), ("drain",), ("spend",)]
    ),
)


def faulty_answer(name: str) -> Answer | UpstreamFailure:
    match name:
        case "429":
            return refused(429, **{"retry-after": "2"})
        case "500":
            return refused(500)
        case "timeout":
            return UpstreamFailure("timeout")
        case "refusal":
            return answered("I'm sorry, I can't help with that.")
        case "overrun":
            return answered(TEXT, output_tokens=900_000)
        case _:
            return answered("", output_tokens=0)


class Life:
    """One run, and everything that may happen to it."""

    def __init__(self, research: Research) -> None:
        self.research = research
        self.began_at_ms = research.clock.now_ms()
        self.run_id = research.begin()
        self.seen: Counter[str] = Counter()
        self.prepared = 0

    @property
    def provider(self) -> Provider:
        assert self.research.provider is not None
        return self.research.provider

    def happen(self, name: str, *details: Any) -> None:
        self.seen[name] += 1
        getattr(self, name)(*details)
        self.research.check_books(self.run_id, is_over=False)

    def step(self, number: int, process: Process | None = None) -> None:
        run = self.research.run_of(self.run_id)
        if run.execution != self.prepared:
            self.research.call({"action": "prepare", "run": self.research.given(self.run_id)})
            self.prepared = run.execution
        if self.research.run_of(self.run_id).snapshot is None:
            return
        stage_id = run.plan[number].stage.stage_id
        self.research.call(
            {"action": "step", "run": {**self.research.given(self.run_id), "stage_id": stage_id}}, process
        )

    def go_on(self) -> None:
        """The next three steps, as the workflow sends them, and its end when there are no more."""
        steps = self.research.steps_of(self.run_id)
        plan = self.research.run_of(self.run_id).plan
        left = [number for number, each in enumerate(plan) if each.stage.stage_id not in steps]
        for number in left[:3]:
            self.step(number)
        if not left:
            self.finish()

    def die(self, number: int, after: int) -> None:
        process = Process(dies_before_answer=after < 0, dies_after=after if after >= 0 else None)
        try:
            self.step(number, process)
        except Killed:
            self.seen["died"] += 1

    def fail(self, name: str) -> None:
        self.provider.script = [faulty_answer(name)]

    def wait(self, ms: int) -> None:
        self.research.clock.shift_ms += ms

    def finish(self) -> None:
        self.research.call({"action": "finish", "run": self.research.given(self.run_id)})

    def stop(self) -> None:
        self.research.stopped(self.run_id)

    def cancel(self) -> None:
        assert self.research.send("POST", f"/runs/{self.run_id}/cancel").status_code in (202, 409)

    def resume(self) -> None:
        status = self.research.send("POST", f"/runs/{self.run_id}/resume").status_code
        assert status in (202, 402, 409)
        self.seen["resumed"] += status == 202

    def sweep(self) -> None:
        self.research.deployment.scheduled(self.research.clock).sweeper.run(lambda: True)

    def reconcile(self) -> None:
        clock = self.research.clock
        whole_life_s = (clock.now_ms() - self.began_at_ms + MINUTE_MS) // 1000
        done = self.research.deployment.scheduled(clock, window_s=whole_life_s).reconciliation.run()
        assert done.findings == []

    def drain(self) -> None:
        """The wallet is emptied of all that is not held."""
        available = self.research.deployment.wallet().available_nano
        if available:
            self.research.take(available)

    def spend(self) -> None:
        """The run's own hold is released under it."""
        settlement = Settlement(Books(self.research.deployment.ledger, self.research.clock))
        settlement.runs.end(self.research.deployment.wallet(), self.research.run_of(self.run_id).hold_id)

    def end(self, whole: bool) -> None:
        """Let everything come to rest, a `whole` life after all its steps if the wallet still pays for them; the books fit."""
        self.provider.script = []
        if whole:
            self.finish()
            self.wait(SWEPT_AFTER_MS)  # what died with a step in its hands no longer has it
            self.sweep()
            self.resume()
            for _ in range(STAGES // 3 + 1):
                self.go_on()
        self.finish()
        self.wait(SWEPT_AFTER_MS)
        self.sweep()
        assert self.research.run_of(self.run_id).state not in ACTIVE
        self.research.check_books(self.run_id)
        self.reconcile()
        entries = self.research.entries()
        requests = Counter(entry.entry_id for entry in entries if entry.type is EntryType.REQUEST)
        assert set(requests.values()) <= {1}
        assert self.research.deployment.wallet(WalletKind.ROUTED).debits_total_nano == 0


@pytest.mark.parametrize("examples", [4, pytest.param(60, marks=pytest.mark.proof)])
def test_whatever_happens_to_a_run_its_money_is_right(examples: int) -> None:
    seen: Counter[str] = Counter()

    @settings(
        max_examples=examples,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        derandomize=True,
    )
    @given(script=st.lists(happenings, min_size=8, max_size=24), whole=st.booleans())
    def right(script: list[tuple[Any, ...]], whole: bool) -> None:
        # A deployment for each life: what a sweeper and a reconciliation look through would grow from life to life.
        with moto_engine() as engine, research_on(_funded(engine), provider=Provider(TEXT)) as research:
            life = Life(research)
            for happening in script:
                life.happen(*happening)
            life.end(whole)
            seen.update(life.seen)
            seen[research.run_of(life.run_id).state.value] += 1

    right()
    assert seen["completed"], "lives that never come to their end show little"
    print(f"research runs: {examples} lives; {dict(sorted(seen.items()))}")


def _funded(engine: Engine) -> Deployment:
    """A deployment whose sweeper has run, as it does every minute: one that never did begins an hour back."""
    deployment = deploy(engine, "http://127.0.0.1:9")
    deployment.fund(WalletKind.OFFICIAL, "10")
    deployment.scheduled().sweeper.run(lambda: True)
    return deployment


def test_a_run_that_nothing_happens_to_completes(deployment: Deployment) -> None:
    with research_on(deployment, provider=Provider(TEXT)) as research:
        run_id = research.begin()
        assert research.drive(run_id) is RunState.COMPLETED
        assert research.check_books(run_id) > 0
