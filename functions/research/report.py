"""The report as data. Its JSON is the source; Markdown and HTML are made from it alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from functions.research.request import ResearchRequest
from functions.research.snapshot import Snapshot

DISCLAIMER = "Support for research, not financial advice"


@dataclass(frozen=True, slots=True)
class StepReceipt:
    """One line of the receipts table, as the ledger shows it. Amounts are decimal strings."""

    stage_id: str
    model: str
    receipt_id: str
    wallet: str
    currency: str
    charge: str
    input_tokens: int
    output_tokens: int
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What the run knows about itself. `status` is the run's; `reason` says why it is not complete."""

    run_id: str
    status: str
    models: Mapping[str, str]  # tier → model
    receipts: tuple[StepReceipt, ...]
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Verification:
    """Counts of the number check over every text shown. Each number that was looked at is proven or removed."""

    numbers: int
    proven: int
    repaired: int
    removed: int


@dataclass(frozen=True, slots=True)
class Report:
    """The JSON document, as `GET /v1/research/runs/{id}/report.json` gives it."""

    document: Mapping[str, Any]

    def to_bytes(self) -> bytes:
        """Canonical JSON. The same inputs give the same bytes."""
        raise NotImplementedError

    @classmethod
    def from_bytes(cls, content: bytes) -> Report:
        """What `to_bytes` wrote."""
        raise NotImplementedError


def build(
    request: ResearchRequest,
    snapshot: Snapshot,
    run: RunFacts,
    texts: Mapping[str, str],
) -> Report:
    """Put the report together and check every text in it.

    `texts` are the answers of finished stages by stage id, as the models gave them: if `repair` is there, it takes the place of
    `final_report`, and the two are compared to count what it put right. What is unproven is removed here, so that no caller can
    forget it. A partial report has the sections that its finished stages allow.
    """
    raise NotImplementedError
