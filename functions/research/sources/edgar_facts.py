"""Picks a company's figures out of EDGAR's companyfacts, as they had been filed by a day.

Each entry has the days it is about (`start`, `end`), its value and the day on which it was filed. A figure that was restated later
counts as it stood: the last filing up to that day wins. (https://www.sec.gov/search-filings/edgar-application-programming-interfaces)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from functions.research.facts import Unit
from functions.research.sources.port import ReportedValue
from functions.research.words import Window

_YEAR = (timedelta(days=340), timedelta(days=385))
_QUARTER = (timedelta(days=75), timedelta(days=105))
_A_YEAR_APART = (timedelta(days=350), timedelta(days=380))
_OLDEST = timedelta(days=550)  # a figure older than this says little of the as-of date


@dataclass(frozen=True, slots=True)
class _Figure:
    """One line of the accounts: where companyfacts may have it, first choice first."""

    name: str
    label: str
    concepts: tuple[str, ...]
    unit: str
    kind: Unit


_FLOWS = (
    _Figure(
        "revenue",
        "revenue",
        ("RevenueFromContractWithCustomerExcludingAssessedTax", "Revenues", "SalesRevenueNet"),
        "USD",
        Unit.MONEY,
    ),
    _Figure("operating_income", "operating income", ("OperatingIncomeLoss",), "USD", Unit.MONEY),
    _Figure("net_income", "net income", ("NetIncomeLoss", "ProfitLoss"), "USD", Unit.MONEY),
    _Figure("eps", "diluted earnings per share", ("EarningsPerShareDiluted",), "USD/shares", Unit.MONEY),
    _Figure("cash_flow", "operating cash flow", ("NetCashProvidedByUsedInOperatingActivities",), "USD", Unit.MONEY),
)
_STOCKS = (
    _Figure("cash", "cash and equivalents", ("CashAndCashEquivalentsAtCarryingValue",), "USD", Unit.MONEY),
    _Figure("assets", "total assets", ("Assets",), "USD", Unit.MONEY),
    _Figure("liabilities", "total liabilities", ("Liabilities",), "USD", Unit.MONEY),
    _Figure("equity", "shareholders' equity", ("StockholdersEquity",), "USD", Unit.MONEY),
    _Figure("shares", "shares outstanding", ("EntityCommonStockSharesOutstanding",), "shares", Unit.NUMBER),
)


@dataclass(frozen=True, slots=True)
class _Entry:
    start: date | None
    end: date
    value: Decimal
    filed: date


def reported_values(companyfacts: Mapping[str, Any], as_of: date) -> tuple[ReportedValue, ...]:
    """Last year and quarter with the ones a year before, and the last balance sheet. Raises ValueError for another shape."""
    taxonomies = companyfacts.get("facts")
    if not isinstance(taxonomies, Mapping):
        raise ValueError("companyfacts without facts")
    try:
        return tuple(_all(taxonomies, as_of))
    except (KeyError, TypeError, ArithmeticError, AttributeError) as error:
        raise ValueError(f"companyfacts of another shape: {error!r}") from error


def _all(taxonomies: Mapping[str, Any], as_of: date) -> Iterator[ReportedValue]:
    for figure in _FLOWS:
        entries = _entries(taxonomies, figure, as_of)
        for suffix, named, length in (("year", "year", _YEAR), ("quarter", "quarter", _QUARTER)):
            yield from _period(figure, entries, suffix, named, length, as_of)
    for figure in _STOCKS:
        instants = [entry for entry in _entries(taxonomies, figure, as_of) if entry.start is None]
        if instants and as_of - instants[-1].end <= _OLDEST:
            yield _value(figure, f"edgar.{figure.name}", figure.label, instants[-1])


def _period(
    figure: _Figure,
    entries: list[_Entry],
    suffix: str,
    named: str,
    length: tuple[timedelta, timedelta],
    as_of: date,
) -> Iterator[ReportedValue]:
    periods = [
        entry for entry in entries if entry.start is not None and length[0] <= entry.end - entry.start <= length[1]
    ]
    if not periods or as_of - periods[-1].end > _OLDEST:
        return
    last, name = periods[-1], f"edgar.{figure.name}_{suffix}"
    yield _value(figure, name, f"{figure.label} of the {named} to {last.end}", last)
    before = next((one for one in periods if _A_YEAR_APART[0] <= last.end - one.end <= _A_YEAR_APART[1]), None)
    if before is None:
        return
    yield _value(figure, f"{name}_before", f"{figure.label} of the {named} to {before.end}", before)
    if before.value > 0 and last.value > 0:  # a change from or to a loss has no percentage
        yield ReportedValue(
            name=f"{name}_change",
            label=f"change of {figure.label} of the {named} against a year before",
            value=(100 * (last.value / before.value - 1)).quantize(Decimal("0.0001")),
            unit=Unit.CHANGE_PERCENT,
            window=Window(before.end, last.end),
            published=max(before.filed, last.filed),
        )


def _entries(taxonomies: Mapping[str, Any], figure: _Figure, as_of: date) -> list[_Entry]:
    """In rising order of their end, one for each period: the last that was filed. Of several concepts the most recent counts."""
    best: list[_Entry] = []
    for concept in figure.concepts:
        taxonomy = taxonomies.get("dei" if concept.startswith("Entity") else "us-gaap", {})
        found: dict[tuple[date | None, date], _Entry] = {}
        for raw in taxonomy.get(concept, {}).get("units", {}).get(figure.unit, []):
            entry = _Entry(
                start=date.fromisoformat(raw["start"]) if "start" in raw else None,
                end=date.fromisoformat(raw["end"]),
                value=Decimal(str(raw["val"])),
                filed=date.fromisoformat(raw["filed"]),
            )
            if entry.filed > as_of or entry.end > as_of:
                continue
            period = entry.start, entry.end
            if period not in found or found[period].filed <= entry.filed:
                found[period] = entry
        entries = sorted(found.values(), key=lambda entry: entry.end)
        if entries and (not best or entries[-1].end > best[-1].end):
            best = entries
    return best


def _value(figure: _Figure, name: str, label: str, entry: _Entry) -> ReportedValue:
    return ReportedValue(
        name=name,
        label=label,
        value=entry.value,
        unit=figure.kind,
        window=Window(entry.start or entry.end, entry.end),
        published=entry.filed,
        currency="USD" if figure.kind is Unit.MONEY else None,
    )
