"""The report as data. Its JSON is the source; Markdown and HTML are made from it alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from functions.research.decimals import plain
from functions.research.headings import LABELS, STAGES
from functions.research.number_check import Fault, check, remove_unproven
from functions.research.report_text import split_sections
from functions.research.request import ResearchRequest
from functions.research.snapshot import Snapshot
from functions.research.snapshot_codec import canonical, fact_json
from functions.research.sources.port import PriceSeries
from functions.research.text_problems import text_problems
from functions.research.words import Language
from tokens_forge.money import Money
from tokens_forge.strict_json import loads

VERSION = 1
DISCLAIMER = LABELS["disclaimer"][Language.ENGLISH]
_SECTION_OF_ANALYST = {
    "price_analyst": "price",
    "filings_analyst": "business",
    "news_analyst": "news",
    "macro_analyst": "economy",
}


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


@dataclass(slots=True)
class Verification:
    """Counts of the number check over every text shown. Each number that was looked at is proven or removed.

    `removed` are places, `recommendations` those of them that were buy or sell lines.
    """

    numbers: int = 0
    proven: int = 0
    repaired: int = 0
    removed: int = 0
    recommendations: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """The JSON document, as `GET /v1/research/runs/{id}/report.json` gives it."""

    document: Mapping[str, Any]

    def to_bytes(self) -> bytes:
        """Canonical JSON. The same inputs give the same bytes."""
        return canonical(self.document)

    @classmethod
    def from_bytes(cls, content: bytes) -> Report:
        """What `to_bytes` wrote. Raises ValueError."""
        document = loads(content)
        if not isinstance(document, dict) or document.get("object") != "research.report":
            raise ValueError("not a report")
        return cls(document)


def build(
    request: ResearchRequest,
    snapshot: Snapshot,
    run: RunFacts,
    texts: Mapping[str, str],
) -> Report:
    """Put the report together and check every text in it.

    `texts` are the answers of finished stages by stage id, as the models gave them: if `repair` is there and can be used, it
    takes the place of `final_report`, and the two are compared to count what it put right. What is unproven is removed here, so
    that no caller can forget it. A partial report has the sections that its finished stages allow.
    """
    counts = Verification()
    usable = {stage_id: text for stage_id, text in texts.items() if not text_problems(text, request.language)}
    final_id = next((stage_id for stage_id in ("repair", "final_report") if stage_id in usable), None)
    if final_id == "repair" and "final_report" in texts:
        before, after = check(texts["final_report"], snapshot.by_id), check(usable["repair"], snapshot.by_id)
        counts.repaired = max(len(before.findings) - len(after.findings), 0)
    if final_id is not None:
        sections = split_sections(_proven(usable[final_id], snapshot, counts))
    else:
        sections = {
            section: _proven(usable[stage_id], snapshot, counts)
            for stage_id, section in _SECTION_OF_ANALYST.items()
            if stage_id in usable
        }
    aside = {"final_report", "repair"} | (set() if final_id else set(_SECTION_OF_ANALYST))
    discussion = {
        stage_id: _proven(text, snapshot, counts) for stage_id, text in usable.items() if stage_id not in aside
    }
    document = {
        "object": "research.report",
        "version": VERSION,
        "disclaimer": LABELS["disclaimer"][request.language],
        "run_id": run.run_id,
        "status": run.status,
        "reason": run.reason,
        "symbol": snapshot.symbol,
        "as_of": snapshot.as_of.isoformat(),
        "language": request.language.value,
        "preset": request.preset,
        "snapshot_sha256": snapshot.sha256,
        "sections": [{"key": key, "text": text} for key, text in sections.items() if text],
        "discussion": [
            {"stage_id": stage_id, "text": _without_headings(text)} for stage_id, text in discussion.items() if text
        ],
        "unusable": [
            {"stage_id": stage_id, "problems": [problem.value for problem in text_problems(text, request.language)]}
            for stage_id, text in texts.items()
            if stage_id not in usable
        ],
        "verification": asdict(counts),
        "facts": [fact_json(fact) for fact in snapshot.facts],
        "sources": [
            {
                "source": use.source.value,
                "label": use.label,
                "window": None if use.window is None else [str(use.window.first), str(use.window.last)],
                "notes": list(use.notes),
            }
            for use in snapshot.sources
        ],
        "missing": [{"source": gap.source.value, "reason": gap.reason} for gap in snapshot.missing],
        "prices": None if snapshot.prices is None else _prices(snapshot.prices),
        "models": dict(run.models),
        "receipts": [asdict(receipt) for receipt in run.receipts],
        "charges": _charges(run.receipts),
    }
    # In the order that a stored report has, so that both are laid out alike.
    return Report.from_bytes(canonical(document))


def stage_heading(stage_id: str, language: Language) -> str:
    """`bull_2` is "Optimistic case 2"."""
    role, _, number = stage_id.rpartition("_")
    if number.isdigit() and role in STAGES:
        return f"{STAGES[role][language]} {number}"
    return STAGES[stage_id][language] if stage_id in STAGES else stage_id


def _proven(text: str, snapshot: Snapshot, counts: Verification) -> str:
    """The text as it may be shown."""
    counts.numbers += check(text, snapshot.by_id).numbers
    clean, removed = remove_unproven(text, snapshot.by_id)
    counts.proven += check(clean, snapshot.by_id).proven
    counts.removed += len(removed)
    counts.recommendations += sum(finding.fault is Fault.RECOMMENDATION for finding in removed)
    return clean


def _without_headings(text: str) -> str:
    """A stage's text stands under one heading of the report, and has none of its own."""
    return re.sub(r"(?m)^\s*#{1,6}\s*(?=\S)", "", text)


def _prices(series: PriceSeries) -> dict[str, Any]:
    return {
        "adjustment": series.adjustment.value,
        "currency": series.currency,
        "closes": [[row.day.isoformat(), plain(row.close)] for row in series.rows],
    }


def _charges(receipts: tuple[StepReceipt, ...]) -> list[dict[str, str]]:
    """What the steps cost together, for each wallet. A replayed step was paid when it first ran, and is in the sum once."""
    sums: dict[tuple[str, str], Money] = {}
    for receipt_id, receipt in {receipt.receipt_id: receipt for receipt in receipts}.items():
        assert receipt_id, "a step without a receipt is no line of this table"
        wallet = receipt.wallet, receipt.currency
        sums[wallet] = sums.get(wallet, Money(0, receipt.currency)) + Money.parse(receipt.charge, receipt.currency)
    return [
        {"wallet": wallet, "currency": currency, "charge": str(amount)} for (wallet, currency), amount in sums.items()
    ]
