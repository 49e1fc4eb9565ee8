"""A snapshot as canonical JSON, and back."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, TypeVar

from functions.research.decimals import plain
from functions.research.facts import Fact, Unit
from functions.research.snapshot_parts import Missing, SourceUse
from functions.research.sources.port import Headline, PriceRow, PriceSeries
from functions.research.words import Adjustment, SourceName, Window
from tokens_forge.strict_json import loads

if TYPE_CHECKING:
    from functions.research.snapshot import Snapshot

VERSION = 1

_Read = TypeVar("_Read")


def canonical(document: Mapping[str, Any]) -> bytes:
    """Sorted keys, no spaces, UTF-8: equal documents have equal bytes."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def encode(snapshot: Snapshot) -> bytes:
    """The bytes that the snapshot's hash is taken of."""
    return canonical(
        {
            "version": VERSION,
            "symbol": snapshot.symbol,
            "as_of": snapshot.as_of.isoformat(),
            "prices": None if snapshot.prices is None else _prices(snapshot.prices),
            "facts": [fact_json(fact) for fact in snapshot.facts],
            "headlines": [
                {"published": line.published.isoformat(), "title": line.title, "publisher": line.publisher}
                for line in snapshot.headlines
            ],
            "sources": [
                {
                    "source": use.source.value,
                    "label": use.label,
                    "window": None if use.window is None else _days(use.window),
                    "notes": list(use.notes),
                }
                for use in snapshot.sources
            ],
            "missing": [{"source": gap.source.value, "reason": gap.reason} for gap in snapshot.missing],
        }
    )


def decode(content: bytes) -> dict[str, Any]:
    """The fields of a Snapshot. Raises ValueError."""
    try:
        kept = loads(content)
        if kept["version"] != VERSION:
            raise ValueError(f"a snapshot of version {kept['version']}")
        return {
            "symbol": kept["symbol"],
            "as_of": date.fromisoformat(kept["as_of"]),
            "prices": None if kept["prices"] is None else _read_prices(kept["prices"]),
            "facts": _each(_read_fact, kept["facts"]),
            "headlines": _each(_read_headline, kept["headlines"]),
            "sources": _each(_read_use, kept["sources"]),
            "missing": _each(lambda gap: Missing(SourceName(gap["source"]), gap["reason"]), kept["missing"]),
        }
    except (KeyError, TypeError, InvalidOperation, AttributeError) as error:
        raise ValueError(f"not a snapshot: {error!r}") from error


def fact_json(fact: Fact) -> dict[str, Any]:
    """A fact as snapshot and report have it."""
    return {
        "fact_id": fact.fact_id,
        "label": fact.label,
        "value": fact.value,
        "unit": fact.unit.value,
        "currency": fact.currency,
        "source": fact.source.value,
        "window": _days(fact.window),
    }


def _prices(series: PriceSeries) -> dict[str, Any]:
    rows = [
        [
            row.day.isoformat(),
            plain(row.open),
            plain(row.high),
            plain(row.low),
            plain(row.close),
            None if row.volume is None else plain(row.volume),
        ]
        for row in series.rows
    ]
    return {"adjustment": series.adjustment.value, "currency": series.currency, "rows": rows}


def _days(window: Window) -> list[str]:
    return [window.first.isoformat(), window.last.isoformat()]


def _read_days(days: list[str]) -> Window:
    first, last = days
    return Window(date.fromisoformat(first), date.fromisoformat(last))


def _each(read: Callable[[Any], _Read], items: list[Any]) -> tuple[_Read, ...]:
    return tuple(read(item) for item in items)


def _read_prices(kept: Mapping[str, Any]) -> PriceSeries:
    return PriceSeries(Adjustment(kept["adjustment"]), kept["currency"], _each(_read_row, kept["rows"]))


def _read_row(row: list[Any]) -> PriceRow:
    day, first, high, low, close, volume = row
    return PriceRow(
        date.fromisoformat(day),
        Decimal(first),
        Decimal(high),
        Decimal(low),
        Decimal(close),
        None if volume is None else Decimal(volume),
    )


def _read_fact(kept: Mapping[str, Any]) -> Fact:
    return Fact(
        fact_id=kept["fact_id"],
        label=kept["label"],
        value=kept["value"],
        unit=Unit(kept["unit"]),
        source=SourceName(kept["source"]),
        window=_read_days(kept["window"]),
        currency=kept["currency"],
    )


def _read_headline(kept: Mapping[str, Any]) -> Headline:
    return Headline(date.fromisoformat(kept["published"]), kept["title"], kept["publisher"])


def _read_use(kept: Mapping[str, Any]) -> SourceUse:
    window = None if kept["window"] is None else _read_days(kept["window"])
    return SourceUse(SourceName(kept["source"]), kept["label"], window, tuple(kept["notes"]))
