"""What Markdown and HTML share: labels in the report's language, numbered citations, charts, fact values as people read them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from functions.research import indicators
from functions.research.charts import Curve, line_chart
from functions.research.headings import LABELS, SECTIONS
from functions.research.report import Report, stage_heading
from functions.research.report_text import Block, blocks
from functions.research.words import Language

CHART_DAYS_MAX = 504


@dataclass(frozen=True, slots=True)
class Part:
    """A headed text."""

    heading: str
    blocks: list[Block]


@dataclass(frozen=True, slots=True)
class CitedFact:
    """A line of the table of facts; `number` is what citations of it show."""

    number: int
    fact_id: str
    label: str
    value: str
    is_text: bool
    window: str
    source: str


@dataclass(frozen=True, slots=True)
class ReportView:
    """A report, ready to be laid out."""

    document: Mapping[str, Any]
    language: Language
    sections: list[Part]
    discussion: list[Part]
    cited: list[CitedFact]

    def label(self, key: str) -> str:
        """A word of the page."""
        return LABELS[key][self.language]

    def number_of(self, fact_id: str) -> int:
        """What a citation shows."""
        return next(fact.number for fact in self.cited if fact.fact_id == fact_id)

    def stage(self, stage_id: str) -> str:
        """A stage as people call it."""
        return stage_heading(stage_id, self.language)

    def ended(self) -> str:
        """How a run ended that is not complete, and why when that says more."""
        status, reason = self.document["status"], self.document["reason"]
        return str(status) if reason in (None, "", status) else f"{status}: {reason}"

    def title(self) -> str:
        """Of the page."""
        return f"{self.document['symbol']}: {self.label('title')}"

    def charts(self) -> list[str]:
        """SVG pictures of the price, its strength and its falls; none without prices."""
        prices = self.document["prices"]
        return list(_charts(prices, self)) if prices and len(prices["closes"]) > 1 else []


def view(report: Report) -> ReportView:
    """Everything on the page comes from the document."""
    document = report.document
    language = Language(document["language"])
    sections = [Part(SECTIONS[part["key"]][language], blocks(part["text"])) for part in document["sections"]]
    discussion = [
        Part(stage_heading(part["stage_id"], language), blocks(part["text"])) for part in document["discussion"]
    ]
    facts = {fact["fact_id"]: fact for fact in document["facts"]}
    ids = dict.fromkeys(_cited_ids([*sections, *discussion]))
    cited = [_cited(number, facts[fact_id]) for number, fact_id in enumerate(ids, start=1)]
    return ReportView(document, language, sections, discussion, cited)


def days(window: list[str] | None) -> str:
    """A window as one reads it."""
    if window is None:
        return "–"
    return window[0] if window[0] == window[1] else f"{window[0]} – {window[1]}"


def _cited_ids(parts: list[Part]) -> Iterator[str]:
    for part in parts:
        for block in part.blocks:
            for piece in block.pieces:
                yield from piece.ids


def _cited(number: int, fact: Mapping[str, Any]) -> CitedFact:
    value = str(fact["value"])
    if fact["unit"] in {"money", "number"}:
        value = f"{Decimal(value):,f}" + (f" {fact['currency']}" if fact["currency"] else "")
    elif fact["unit"] in {"percent", "change_percent"}:
        value += " %"
    return CitedFact(
        number, fact["fact_id"], fact["label"], value, fact["unit"] == "text", days(fact["window"]), fact["source"]
    )


def _charts(prices: Mapping[str, Any], page: ReportView) -> Iterator[str]:
    closes = [float(close) for _, close in prices["closes"]]
    shown = [date.fromisoformat(day) for day, _ in prices["closes"]][-CHART_DAYS_MAX:]
    curves = [Curve(f"{page.document['symbol']} {prices['currency']}", "close", [*closes[-CHART_DAYS_MAX:]])]
    for length, style in ((50, "fast"), (200, "slow")):
        average = indicators.sma(closes, length)[-CHART_DAYS_MAX:]
        if any(value is not None for value in average):
            curves.append(Curve(f"SMA {length}", style, average))
    yield line_chart(page.label("chart_price"), shown, curves)
    strength = indicators.rsi(closes)[-CHART_DAYS_MAX:]
    if any(value is not None for value in strength):
        curve = Curve("RSI", "fast", strength)
        yield line_chart(page.label("chart_rsi"), shown, [curve], height=150, levels=(30, 50, 70))
    falls = Curve("drawdown", "slow", [*indicators.drawdown_percent(closes)[-CHART_DAYS_MAX:]])
    yield line_chart(page.label("chart_drawdown"), shown, [falls], height=150)
