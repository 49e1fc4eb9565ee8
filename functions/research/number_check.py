"""The check without a model: every number of a text cites a fact of the snapshot and agrees with it as printed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from functions.research.facts import Fact
from functions.research.presets import Stage
from functions.research.snapshot import Snapshot
from functions.research.words import Language


class Fault(StrEnum):
    """What is wrong with a place of a text."""

    UNCITED = "uncited"
    UNKNOWN_ID = "unknown_id"
    WRONG_VALUE = "wrong_value"
    RECOMMENDATION = "recommendation"


@dataclass(frozen=True, slots=True)
class Finding:
    """One place that is wrong: `text[start:end]`. `cited` are the ids that were looked at."""

    fault: Fault
    start: int
    end: int
    printed: str
    cited: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Checked:
    """`numbers` were looked at, `proven` of them agree with their fact. A text is good when there are no findings."""

    numbers: int
    proven: int
    findings: tuple[Finding, ...]


def check(text: str, facts: Mapping[str, Fact]) -> Checked:
    """Look at every number, every citation and every buy or sell line. Pure: the same text gives the same findings."""
    raise NotImplementedError


def repair_messages(
    stage: Stage, text: str, findings: Sequence[Finding], snapshot: Snapshot, language: Language
) -> list[dict[str, str]]:
    """The one request for a repair, within `stage.input_bytes_max`: the text, what is wrong in it, and the facts."""
    raise NotImplementedError


def remove_unproven(text: str, facts: Mapping[str, Fact]) -> tuple[str, tuple[Finding, ...]]:
    """The text without the sentences that hold a finding, and those findings. What comes back has no findings."""
    raise NotImplementedError
