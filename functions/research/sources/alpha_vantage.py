"""Daily prices of Alpha Vantage, with the user's own key.

TIME_SERIES_DAILY gives raw prices, and the last 100 days without a paid plan; the adjusted series is a paid one. Errors come with
HTTP 200 as `Note`, `Information` or `Error Message` (https://www.alphavantage.co/documentation/, read in November 2026). Their
texts can repeat the key, so that none of them is passed on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import Any

from functions.research.request import ResearchRequest
from functions.research.sources.http import Host, Http, VendorDown
from functions.research.sources.port import PriceRow, PriceSeries, SourceResult
from functions.research.sources.splits import looks_like_split
from functions.research.sources.vendor_json import vendor_object
from functions.research.words import Adjustment, SourceName
from tokens_forge.clock import Clock

LABEL = "Alpha Vantage, daily prices (raw)"
BYTES_MAX = 4_000_000
_COLUMNS = ("1. open", "2. high", "3. low", "4. close", "5. volume")
_ERRORS = {
    "Error Message": "Alpha Vantage does not know this symbol.",
    "Note": "Alpha Vantage refuses more requests on this key for now.",
    "Information": "Alpha Vantage refuses this key: it has reached its daily limit, or is not valid for daily prices.",
}


@dataclass(frozen=True, slots=True)
class AlphaVantage:
    """Implements `sources.port.Source`."""

    http: Http
    key: str = field(repr=False)

    @property
    def name(self) -> SourceName:
        """Alpha Vantage."""
        return SourceName.ALPHA_VANTAGE

    def fetch(self, request: ResearchRequest, clock: Clock) -> SourceResult:
        """The last 100 days of raw prices, up to the as-of date."""
        query = {
            "function": "TIME_SERIES_DAILY",
            "symbol": request.symbol,
            "outputsize": "compact",
            "apikey": self.key,
        }
        try:
            reply = self.http.get(Host.ALPHA_VANTAGE, "/query", query, bytes_max=BYTES_MAX)
            found = vendor_object(reply, "Alpha Vantage")
            series, left_out = _series(found, request.as_of)
        except VendorDown as down:
            return SourceResult(self.name, LABEL, missing=(str(down),))
        if series is None:
            missing = f"The 100 days that Alpha Vantage gives without a paid plan begin after {request.as_of}."
            return SourceResult(self.name, LABEL, missing=(missing,))
        return SourceResult(self.name, LABEL, prices=series, notes=left_out)


def _series(found: Mapping[str, Any], as_of: date) -> tuple[PriceSeries | None, tuple[str, ...]]:
    for name, reason in _ERRORS.items():
        if name in found:
            raise VendorDown(reason)
    days = found.get("Time Series (Daily)")
    if not isinstance(days, Mapping):
        raise VendorDown("Alpha Vantage answered in a shape that is not known.")
    try:
        known = [day for day in sorted(days) if date.fromisoformat(day) <= as_of]
        rows = [_row(date.fromisoformat(day), days[day]) for day in known]
    except (KeyError, TypeError, ValueError, InvalidOperation):
        raise VendorDown("Alpha Vantage answered in a shape that is not known.") from None
    after_split = 0
    for index, (before, after) in enumerate(pairwise(rows), start=1):
        if looks_like_split(before.close, after.close):
            after_split = index
    if not rows:
        return None, ()
    note = f"Days before {rows[after_split].day} were left out: the raw price jumps there as in a split."
    return PriceSeries(Adjustment.RAW, "USD", tuple(rows[after_split:])), (note,) if after_split else ()


def _row(day: date, cells: Mapping[str, str]) -> PriceRow:
    numbers = [Decimal(cells[column]) for column in _COLUMNS]
    if not all(number.is_finite() for number in numbers) or min(numbers[:4]) <= 0:
        raise ValueError("a price is a number above zero")
    return PriceRow(day, *numbers)
