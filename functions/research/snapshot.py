"""The snapshot of a run: what was known on the as-of date, frozen under one hash. Every later step reads it and nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from functions.research import snapshot_codec
from functions.research.decimals import plain
from functions.research.facts import Fact, Unit
from functions.research.price_facts import price_facts
from functions.research.request import ResearchRequest
from functions.research.snapshot_parts import Missing, SourceUse
from functions.research.sources.port import (
    Headline,
    MixedAdjustments,
    PriceSeries,
    ReportedValue,
    SourceResult,
)
from functions.research.words import SourceName, Window
from tokens_forge.errors import RequestError

PRICE_DAYS_MAX = 1_260  # five years
VALUES_MAX = 60
HEADLINES_MAX = 20
STALE = timedelta(days=10)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Preset, language and models are not part of it: a rerun with others stands on the same hash."""

    symbol: str
    as_of: date
    prices: PriceSeries | None
    facts: tuple[Fact, ...]
    headlines: tuple[Headline, ...]
    sources: tuple[SourceUse, ...]
    missing: tuple[Missing, ...]

    @property
    def sha256(self) -> str:
        """Of `to_bytes`, in hexadecimal."""
        return hashlib.sha256(self.to_bytes()).hexdigest()

    @property
    def by_id(self) -> Mapping[str, Fact]:
        """The facts by id."""
        return {fact.fact_id: fact for fact in self.facts}

    def to_bytes(self) -> bytes:
        """Canonical JSON: sorted keys, no spaces, UTF-8."""
        return snapshot_codec.encode(self)

    @classmethod
    def from_bytes(cls, content: bytes) -> Snapshot:
        """What `to_bytes` wrote. Raises ValueError for anything else."""
        return cls(**snapshot_codec.decode(content))


def freeze(request: ResearchRequest, results: Iterable[SourceResult]) -> Snapshot:
    """Everything that was known on the as-of date. Rows after it change nothing, not even the hash.

    Raises MixedAdjustments, and RequestError when no source gave anything at all.
    """
    known = tuple(_known(result, request.as_of) for result in results)
    series = _one_series(known)
    prices = series[1] if series else None
    headlines = [(result.source, headline) for result in known for headline in result.headlines]
    facts = [fact for result in known for fact in _facts(result)]
    facts += [_news(number, *found) for number, found in enumerate(headlines, start=1)]
    snapshot = Snapshot(
        symbol=request.symbol,
        as_of=request.as_of,
        prices=prices,
        facts=tuple({fact.fact_id: fact for fact in facts}.values()),
        headlines=tuple(headline for _, headline in headlines),
        sources=tuple(SourceUse(result.source, result.label, _window(result), result.notes) for result in known),
        missing=tuple(Missing(result.source, reason) for result in known for reason in _missing(result, request)),
    )
    if not snapshot.facts:
        reasons = " ".join(missing.reason for missing in snapshot.missing)
        raise RequestError(f"No source has data on {request.symbol} up to {request.as_of}. {reasons}", param="sources")
    return snapshot


def _known(result: SourceResult, as_of: date) -> SourceResult:
    """The look-ahead guard: what was not known on the as-of date is taken away, whatever the source did."""
    prices = result.prices
    if prices is not None:
        rows = tuple(row for row in prices.rows if row.day <= as_of)[-PRICE_DAYS_MAX:]
        prices = PriceSeries(prices.adjustment, prices.currency, rows) if rows else None
    values = [value for value in result.values if value.published <= as_of and value.window.last <= as_of]
    headlines = [headline for headline in result.headlines if headline.published <= as_of]
    return SourceResult(
        source=result.source,
        label=result.label,
        prices=prices,
        values=tuple(values[:VALUES_MAX]),
        headlines=tuple(sorted(headlines, key=_newest_first)[:HEADLINES_MAX]),
        missing=result.missing,
        notes=result.notes,
    )


def _newest_first(headline: Headline) -> tuple[int, str, str]:
    return -headline.published.toordinal(), headline.title, headline.publisher


def _one_series(results: Iterable[SourceResult]) -> tuple[SourceName, PriceSeries] | None:
    found = [(result.source, result.prices) for result in results if result.prices is not None]
    if len(found) > 1:  # also if they are adjusted alike: two vendors do not do it on the same day
        raise MixedAdjustments(", ".join(f"{source}: {prices.adjustment}" for source, prices in found))
    return found[0] if found else None


def _facts(result: SourceResult) -> Iterable[Fact]:
    if result.prices is not None:
        yield from price_facts(result.prices, result.source)
    for value in result.values:
        yield _reported(value, result.source)


def _news(number: int, source: SourceName, headline: Headline) -> Fact:
    day = Window(headline.published, headline.published)
    return Fact(f"news.{number}", "headline", headline.title, Unit.TEXT, source, day)


def _reported(value: ReportedValue, source: SourceName) -> Fact:
    return Fact(value.name, value.label, plain(value.value), value.unit, source, value.window, value.currency)


def _window(result: SourceResult) -> Window | None:
    windows = [value.window for value in result.values]
    windows += [Window(headline.published, headline.published) for headline in result.headlines]
    windows += [result.prices.window] if result.prices is not None else []
    return Window(min(each.first for each in windows), max(each.last for each in windows)) if windows else None


def _missing(result: SourceResult, request: ResearchRequest) -> Iterable[str]:
    yield from result.missing
    window = _window(result)
    if window is None and not result.missing:
        yield f"Nothing up to {request.as_of}."
    if result.prices is not None and request.as_of - result.prices.window.last > STALE:
        last = result.prices.window.last
        yield f"Prices end on {last}, {(request.as_of - last).days} days before the as-of date."
