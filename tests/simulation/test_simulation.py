"""Whatever dies, is lost, comes late or comes twice: the books are right, everybody was told the truth, and nobody is frozen."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.faults.faulty_store import CallFault
from tests.simulation.many import Summary, run_many, run_seeds
from tests.simulation.run import simulate
from tests.simulation.seeds import ONCE_FAILED
from tests.simulation.soak import soak
from tests.simulation.weakened import WEAKENED

# What a simulation must meet to prove anything. The second list is of what is rare: the full size meets it.
MUST_MEET = {
    "late settle charged", "late settle: operator's loss", "hold released", "hold stood already", "entry stood already",
    "debt made", "debt paid", "clamped", "usage above the hold", "key refused", "process stalled", "wallet frozen",
    "refused auth_epoch", "refused currency", "refused frozen", "refused insufficient", "refused key_spend_limit",
    "refused no_wallet", "refused not_available", "refused webhook currency", "top_up done", "adjustment done",
    "reversal done", "ended completed", "ended no_output", "ended upstream_rejected", "ended upstream_failed",
    "ended upstream_broke", "ended client_left", "ended deadline", "ended gateway_failed", "ended abandoned",
    "ended not_held", "sweeper: was_ended", "sweeper: released", "sweeper: settled", "sweeper: voided",
    "sweeper: not_held", "sweeper: given up", "sweeper took the recorded outcome", "sweeper took the checkpoint",
    "reconciliation: given up", "checkpoint not kept", "run placed", "refused run_ended", "refused run_spent",
}  # fmt: skip
MUST_MEET_AT_LENGTH = MUST_MEET | {
    "stone over a request that ran", "settled by a late message", "reconciliation: intent came too late",
    "reconciliation: wallet busy", "refused, and happened after all", "done, and nobody was told",
    "step outlived its run", "run's hold came again",
}  # fmt: skip
SEEDS, SEEDS_AT_LENGTH = 200, 20_000


def proven(summary: Summary, must_meet: set[str]) -> None:
    print(summary)
    assert not summary.failures
    assert must_meet - set(summary.met) == set(), "the simulation never met these"
    assert {fault.name for fault in CallFault} == set(summary.faults)


def test_two_hundred_seeds_leave_right_books() -> None:
    proven(run_seeds(range(SEEDS)), MUST_MEET)


@pytest.mark.proof
def test_twenty_thousand_seeds_leave_right_books() -> None:
    summary = Summary()
    for part in run_many(range(SEEDS_AT_LENGTH), workers=2):
        summary.add(part)
    proven(summary, MUST_MEET_AT_LENGTH)
    assert summary.seeds == SEEDS_AT_LENGTH


@pytest.mark.parametrize("seed", ONCE_FAILED, ids=str)
def test_a_seed_that_once_failed_holds(seed: int) -> None:
    simulate(seed)


@pytest.mark.parametrize("name", WEAKENED)
def test_a_product_without_this_rule_is_caught(name: str) -> None:
    parts, seeds = WEAKENED[name]
    for seed in range(seeds):
        try:
            simulate(seed, parts)
        except AssertionError:
            return
    pytest.fail(f"{name}: {seeds} seeds saw nothing")


def test_one_seed_is_one_story_in_every_process() -> None:
    """Not only in this one: no hash order, no clock and no other chance takes part."""

    def told(hash_seed: str) -> str:
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        command = [sys.executable, "-m", "tests.simulation", "7"]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout  # noqa: S603

    first, second = told("1"), told("2")
    assert first == second
    assert "post(" in first and "seed 7 holds" in first.splitlines()[-1]
    lines: list[str] = []
    simulate(8, trace=lines.append)
    assert lines != first.splitlines()[: len(lines)], "another seed is another story"


def test_a_seed_that_fails_is_named_with_what_it_broke() -> None:
    parts, _ = WEAKENED["no stone"]
    summary = run_seeds(range(5), parts)
    assert summary.failures
    assert all(f"SEED {seed}: " in str(summary) for seed in summary.failures)


def test_a_soak_ends_when_its_time_is_over_and_says_where_it_began(capsys: pytest.CaptureFixture[str]) -> None:
    total = soak(0.5, first_seed=10**6, workers=1)
    assert total.seeds > 0 and not total.failures
    assert "the first was 1000000" in capsys.readouterr().out
