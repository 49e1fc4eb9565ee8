"""Runs: one research task, the model calls it is made of, and the states it may pass through.

A run is resumed as another execution over the same steps: what is finished stays finished.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from functions.research.presets import Stage
from functions.research.request import ResearchRequest
from tokens_forge.keys import KeyKind
from tokens_forge.pricing import Usage
from tokens_forge.wallets import WalletKind

# A claim, under which an answer is found again after a crash, is kept for a day. A run that is resumed within this time has ended
# its last step before that day is over, so that no answer is ever paid twice.
RESUME_WITHIN_MS = 22 * 3600 * 1000


class RunState(StrEnum):
    """Where a run stands. It is read from our own table, never from Step Functions."""

    QUEUED = "queued"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    INCOMPLETE = "incomplete"
    FAILED = "failed"
    CANCELLED = "cancelled"


NEXT: Mapping[RunState, frozenset[RunState]] = MappingProxyType(
    {
        RunState.QUEUED: frozenset({RunState.IN_PROGRESS, RunState.FAILED, RunState.CANCELLED}),
        RunState.IN_PROGRESS: frozenset({RunState.COMPLETED, RunState.INCOMPLETE, RunState.FAILED, RunState.CANCELLED}),
        RunState.COMPLETED: frozenset(),
        RunState.INCOMPLETE: frozenset({RunState.QUEUED}),
        RunState.FAILED: frozenset({RunState.QUEUED}),
        RunState.CANCELLED: frozenset({RunState.QUEUED}),
    }
)
RUN_ID = re.compile(r"run_[0-9a-z]{26}")  # nothing else is looked up: DynamoDB refuses a key that is too long
EXECUTION_MS_MAX = 3600 * 1000  # the workflow's own time limit
ACTIVE = frozenset({RunState.QUEUED, RunState.IN_PROGRESS})


def before(state: RunState) -> frozenset[RunState]:
    """The states from which this one can be reached."""
    return frozenset(one for one, following in NEXT.items() if state in following)


class StepState(StrEnum):
    """Where a step stands; one that nobody has begun has no record."""

    SENT = "sent"  # its answer is awaited, or was lost with its process
    DONE = "done"
    UNUSABLE = "unusable"  # answered and charged, but the answer cannot be used
    NOT_NEEDED = "not_needed"  # finished without a call
    FAILED = "failed"

    @property
    def is_final(self) -> bool:
        """Whether this step is never sent again."""
        return self in (StepState.DONE, StepState.UNUSABLE, StepState.NOT_NEEDED)


@dataclass(frozen=True, slots=True)
class PlannedStage:
    """A stage with the model it is sent to, and its price as the estimate told it, in nano of the run's currency."""

    stage: Stage
    model: str
    highest_nano: int
    typical_nano: int


@dataclass(frozen=True, slots=True)
class Step:
    """One model call of a run. `receipt_id` is the one receipt that charged it; None while there is none.

    `claim` is the name under which its answer is found again, `reason` says what is wrong with it, `tries` counts failed ones.
    """

    run_id: str
    stage_id: str
    state: StepState
    model: str = ""
    claim: str | None = None
    receipt_id: str | None = None
    charge_nano: int | None = None
    usage: Usage = field(default_factory=Usage)
    tries: int = 0
    replayed: bool = False
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One research task. `execution` counts how often it was started; `hold_id` and `hold_nano` are the present execution's.

    `stop` says why no further step is sent; `reason` why the run ended as it did. `snapshot` is where its snapshot is kept.
    """

    run_id: str
    account_id: str
    key_id: str
    key_kind: KeyKind
    currency: str
    request: ResearchRequest
    models: Mapping[str, str]
    plan: tuple[PlannedStage, ...]
    created_at_ms: int
    started_at_ms: int
    hold_id: str
    hold_nano: int
    state: RunState = RunState.QUEUED
    execution: int = 1
    updated_at_ms: int = 0
    cancel_asked: bool = False
    stop: str | None = None
    reason: str | None = None
    snapshot: str | None = None
    snapshot_sha256: str | None = None
    rerun_of: str | None = None
    has_report: bool = False

    @property
    def wallet(self) -> WalletKind:
        """The one wallet that pays for it: its key's."""
        kind = self.key_kind.wallet
        assert kind is not None, "a management key starts no run"
        return kind

    @property
    def highest_nano(self) -> int:
        """The most that the whole run can cost, over all its executions."""
        return sum(planned.highest_nano for planned in self.plan)

    @property
    def groups(self) -> list[list[str]]:
        """The stages to send, group after group; those of one group at the same time."""
        numbers = sorted({planned.stage.group for planned in self.plan})
        return [[each.stage.stage_id for each in self.plan if each.stage.group == number] for number in numbers]

    def planned(self, stage_id: str) -> PlannedStage:
        """One stage of the plan."""
        return next(planned for planned in self.plan if planned.stage.stage_id == stage_id)

    @property
    def execution_name(self) -> str:
        """The workflow's idempotency key: the same execution is started once."""
        return f"{self.run_id}-{self.execution}"


def left_to_pay(run: Run, steps: Mapping[str, Step]) -> int:
    """The highest price of what is not finished, in nano: what another execution sets aside."""
    finished = {stage_id for stage_id, step in steps.items() if step.state.is_final}
    return sum(planned.highest_nano for planned in run.plan if planned.stage.stage_id not in finished)
