"""A bundled series of invented prices and headlines, so that a run needs no network and no key.

Nothing in it is about a real company: every name says so, and so does the report. It is computed, for any symbol alike, by a fixed
rule for each day, so that a later day never changes an earlier one.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from math import cos, exp, sin

from functions.research.request import ResearchRequest
from functions.research.sources.port import Headline, PriceRow, PriceSeries, SourceResult
from functions.research.words import Adjustment, SourceName
from tokens_forge.clock import Clock

LABEL = "Invented sample data (no real prices, no real company)"
NOTE = (
    "Every price and headline of this source is invented, to show how a report looks. It says nothing about the symbol."
)
FIRST_DAY = date(1988, 1, 4)
DAYS_BACK = timedelta(days=760)
CENT = Decimal("0.01")
HEADLINES = (
    (9, "Invented sample: the company presents a smaller model of its sample product"),
    (23, "Invented sample: a supplier reports delays of 3 weeks"),
    (41, "Invented sample: quarterly sales up 8.4 percent, says the invented company"),
    (66, "Invented sample: a court hears a complaint about the sample product"),
)


@dataclass(frozen=True, slots=True)
class Sample:
    """Implements `sources.port.Source`."""

    @property
    def name(self) -> SourceName:
        """Invented data."""
        return SourceName.SAMPLE

    def fetch(self, request: ResearchRequest, clock: Clock) -> SourceResult:
        """Two years up to the as-of date."""
        first = max(request.as_of - DAYS_BACK, FIRST_DAY)
        days = [first + timedelta(days=number) for number in range((request.as_of - first).days + 1)]
        rows = tuple(_row(day) for day in days if day.weekday() < 5)
        return SourceResult(
            source=SourceName.SAMPLE,
            label=LABEL,
            prices=PriceSeries(Adjustment.SPLIT, "USD", rows),
            headlines=tuple(
                Headline(request.as_of - timedelta(days=before), title, "Invented sample news")
                for before, title in HEADLINES
            ),
            notes=(NOTE,),
        )


def _row(day: date) -> PriceRow:
    close = _close(day)
    first = (close * (1 + _chance(day, "open") * Decimal("0.008"))).quantize(CENT)
    high = (max(first, close) * (1 + abs(_chance(day, "high")) * Decimal("0.012"))).quantize(CENT)
    low = (min(first, close) * (1 - abs(_chance(day, "low")) * Decimal("0.012"))).quantize(CENT)
    volume = Decimal(1_500_000 + int(_chance(day, "volume") * 600_000))
    return PriceRow(day, first, high, low, close, volume)


def _close(day: date) -> Decimal:
    """Slow waves of different lengths around 120, and a little chance of each day."""
    number = (day - FIRST_DAY).days
    wave = 0.16 * sin(number / 97) + 0.09 * sin(number / 31 + 1) + 0.05 * cos(number / 11) + 0.02 * sin(number / 3)
    return (Decimal(120 * exp(wave)) * (1 + _chance(day, "close") * Decimal("0.012"))).quantize(CENT)


def _chance(day: date, what: str) -> Decimal:
    """A number from -1 to 1 that a day always has."""
    digest = hashlib.sha256(f"{what} {day}".encode()).digest()
    return Decimal(int.from_bytes(digest[:4], "big")) / Decimal(2**31) - 1
