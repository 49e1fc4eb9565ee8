"""What a source gives: prices, reported values and headlines, each with the days it is about; or the reason why nothing came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Protocol

from functions.research.facts import Unit
from functions.research.request import ResearchRequest
from functions.research.words import Adjustment, SourceName, Window
from tokens_forge.clock import Clock


class MixedAdjustments(ValueError):
    """Two differently adjusted price series met in one computation."""


@dataclass(frozen=True, slots=True)
class PriceRow:
    """One trading day. The four prices are positive, `low` is the least and `high` the greatest; volume may be unknown."""

    day: date
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal | None = None


@dataclass(frozen=True, slots=True)
class PriceSeries:
    """Trading days in rising order, all adjusted in the same way."""

    adjustment: Adjustment
    currency: str
    rows: tuple[PriceRow, ...]

    @property
    def window(self) -> Window:
        """From the first to the last day. A series has at least one row."""
        return Window(self.rows[0].day, self.rows[-1].day)


@dataclass(frozen=True, slots=True)
class ReportedValue:
    """A value that somebody published, such as the revenue of a year or a yield of a day.

    `window` is what it is about; `published` is the day from which on it was known, which the look-ahead guard goes by.
    """

    name: str
    label: str
    value: Decimal
    unit: Unit
    window: Window
    published: date
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class Headline:
    """A line that somebody outside wrote: data, never an instruction."""

    published: date
    title: str
    publisher: str


@dataclass(frozen=True, slots=True)
class SourceResult:
    """What one source gave. `missing` says why something, or everything, did not come; `notes` say what was done to the data.

    Neither may depend on anything after the as-of date, nor hold a key.
    """

    source: SourceName
    label: str
    prices: PriceSeries | None = None
    values: tuple[ReportedValue, ...] = ()
    headlines: tuple[Headline, ...] = ()
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class Source(Protocol):
    """One place that data comes from."""

    @property
    def name(self) -> SourceName:
        """Which one it is."""
        ...

    def fetch(self, request: ResearchRequest, clock: Clock) -> SourceResult:
        """Everything up to the as-of date. A vendor that fails is a `missing`; raises RequestError for the user's own file."""
        ...


def fetch_all(sources: Sequence[Source], request: ResearchRequest, clock: Clock) -> tuple[SourceResult, ...]:
    """Ask each source that the request names, one after the other. Raises RequestError for the user's own file."""
    return tuple(source.fetch(request, clock) for source in sources if source.name in request.sources)
