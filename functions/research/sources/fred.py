"""Economic series of FRED, with the user's own key, as they were known on the as-of date.

`realtime_start` and `realtime_end` at the as-of date give the vintage of that day, before later revisions; a value of "." is
missing (https://fred.stlouisfed.org/docs/api/fred/series_observations.html, read in November 2026).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from functions.research.facts import Unit
from functions.research.request import ResearchRequest
from functions.research.sources.http import Host, Http, VendorDown
from functions.research.sources.port import ReportedValue, SourceResult
from functions.research.sources.vendor_json import vendor_object
from functions.research.words import SourceName, Window
from tokens_forge.clock import Clock

LABEL = "FRED, Federal Reserve Bank of St. Louis"
BYTES_MAX = 1_000_000
SERIES: Mapping[str, tuple[str, Unit]] = {
    "DGS10": ("10-year Treasury yield", Unit.PERCENT),
    "FEDFUNDS": ("federal funds rate", Unit.PERCENT),
    "UNRATE": ("unemployment rate", Unit.PERCENT),
    "CPIAUCSL": ("consumer price index", Unit.NUMBER),
}
_LOOK_BACK = timedelta(days=430)
_NUMBER = re.compile(r"-?\d{1,12}(\.\d{1,10})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Fred:
    """Implements `sources.port.Source`."""

    http: Http
    key: str = field(repr=False)

    @property
    def name(self) -> SourceName:
        """FRED."""
        return SourceName.FRED

    def fetch(self, request: ResearchRequest, clock: Clock) -> SourceResult:
        """For each series its last value, and the change against a year before."""
        values: list[ReportedValue] = []
        missing: list[str] = []
        for series_id, (label, unit) in SERIES.items():
            try:
                values += _values(series_id, label, unit, self._observations(series_id, request.as_of), request.as_of)
            except VendorDown as down:
                missing.append(f"{label}: {down}")
        return SourceResult(self.name, LABEL, values=tuple(values), missing=tuple(missing))

    def _observations(self, series_id: str, as_of: date) -> list[tuple[date, Decimal]]:
        query = {
            "series_id": series_id,
            "realtime_start": as_of.isoformat(),
            "realtime_end": as_of.isoformat(),
            "observation_start": (as_of - _LOOK_BACK).isoformat(),
            "observation_end": as_of.isoformat(),
            "file_type": "json",
            "api_key": self.key,
        }
        reply = self.http.get(Host.FRED, "/fred/series/observations", query, bytes_max=BYTES_MAX)
        if reply.status == 400:  # also for a key that is not registered; the text repeats parts of the request
            raise VendorDown("FRED refuses the request: the key may not be valid.")
        found = vendor_object(reply, "FRED")
        return sorted(_known(found.get("observations"), as_of))


def _known(observations: Any, as_of: date) -> Iterator[tuple[date, Decimal]]:
    if not isinstance(observations, list):
        raise VendorDown("FRED answered in a shape that is not known.")
    try:
        for observation in observations:
            day, value = date.fromisoformat(observation["date"]), observation["value"]
            if day > as_of or value == ".":
                continue
            if not _NUMBER.fullmatch(value):
                raise ValueError(value)
            yield day, Decimal(value)
    except (KeyError, TypeError, ValueError):
        raise VendorDown("FRED answered in a shape that is not known.") from None


def _values(
    series_id: str, label: str, unit: Unit, known: list[tuple[date, Decimal]], as_of: date
) -> Iterator[ReportedValue]:
    if not known:
        raise VendorDown("no value was known on the as-of date.")
    day, last = known[-1]
    name = f"fred.{series_id}"
    yield ReportedValue(name, label, last, unit, Window(day, day), as_of)
    a_year_before = [(then, value) for then, value in known if then <= day - timedelta(days=365)]
    if not a_year_before:
        return
    then, before = a_year_before[-1]
    yield ReportedValue(f"{name}.year_ago", f"{label}, a year before", before, unit, Window(then, then), as_of)
    if unit is Unit.PERCENT:
        change, of = last - before, Unit.CHANGE_POINTS
        what = f"{label}, change over a year in percentage points"
    else:
        change, of = (100 * (last / before - 1)).quantize(Decimal("0.0001")), Unit.CHANGE_PERCENT
        what = f"{label}, change over a year"
    yield ReportedValue(f"{name}.change_year", what, change, of, Window(then, day), as_of)
