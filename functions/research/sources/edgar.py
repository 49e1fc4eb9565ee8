"""The figures that companies file with the SEC. No key, but a name: each request says who asks.

At most ten requests a second are allowed for the whole deployment, so that the limit is shared and what was read is kept for a
while. (https://www.sec.gov/os/accessing-edgar-data, read in November 2026)
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from functions.research.facts import Unit
from functions.research.request import ResearchRequest
from functions.research.sources.edgar_facts import reported_values
from functions.research.sources.http import Host, Http, VendorDown
from functions.research.sources.port import ReportedValue, SourceResult
from functions.research.sources.shared import Cache, RateLimit
from functions.research.sources.vendor_json import vendor_object
from functions.research.words import SourceName, Window
from tokens_forge.clock import Clock

LABEL = "SEC EDGAR, company facts"
VENDOR_REQUESTS_PER_S = 10
WAIT_MS_MAX = 20_000
TICKERS_BYTES_MAX = 4_000_000
FACTS_BYTES_MAX = 16_000_000
SYMBOL_KEPT_MS = 7 * 24 * 3600 * 1000
FACTS_KEPT_MS = 6 * 3600 * 1000
UNKNOWN = b"-"


@dataclass(frozen=True, slots=True)
class Edgar:
    """Implements `sources.port.Source`. `user_agent` is "Name email" of the deployment's operator; None when none is set up."""

    http: Http
    limit: RateLimit
    cache: Cache
    user_agent: str | None

    @property
    def name(self) -> SourceName:
        """EDGAR."""
        return SourceName.EDGAR

    def fetch(self, request: ResearchRequest, clock: Clock) -> SourceResult:
        """What had been filed by the as-of date."""
        if not self.user_agent:
            return _missing("EDGAR asks who is calling, and this deployment has set no name and address for it.")
        try:
            cik = self._cik(request.symbol, clock)
            if cik is None:
                return _missing(f"EDGAR knows no company with the symbol {request.symbol}.")
            values = self._values(cik, request.as_of, clock)
        except VendorDown as down:
            return _missing(str(down))
        if not values:
            return _missing(f"Nothing that is looked for had been filed by {request.as_of}.")
        return SourceResult(SourceName.EDGAR, LABEL, values=values)

    def _cik(self, symbol: str, clock: Clock) -> str | None:
        """The company's number at the SEC; None of an unknown symbol."""
        key, wanted = f"edgar#symbol#{symbol}", symbol.replace(".", "-")
        kept = self.cache.read(key, clock.now_ms())
        if kept is None:
            listed = self._get(Host.SEC_WWW, "/files/company_tickers.json", TICKERS_BYTES_MAX, clock)
            try:
                found = {str(line["ticker"]).upper(): int(line["cik_str"]) for line in listed.values()}
            except (KeyError, TypeError, ValueError):
                raise VendorDown("EDGAR answered in a shape that is not known.") from None
            kept = f"{found[wanted]:010d}".encode() if wanted in found else UNKNOWN
            self.cache.keep(key, kept, clock.now_ms() + SYMBOL_KEPT_MS)
        return None if kept == UNKNOWN else kept.decode()

    def _values(self, cik: str, as_of: date, clock: Clock) -> tuple[ReportedValue, ...]:
        key = f"edgar#facts#{cik}#{as_of}"
        kept = self.cache.read(key, clock.now_ms())
        if kept is not None:
            return tuple(_read(line) for line in json.loads(kept))
        facts = self._get(Host.SEC_DATA, f"/api/xbrl/companyfacts/CIK{cik}.json", FACTS_BYTES_MAX, clock)
        try:
            values = reported_values(facts, as_of)
        except ValueError:
            raise VendorDown("EDGAR answered in a shape that is not known.") from None
        content = json.dumps([asdict(value) for value in values], default=str).encode()
        self.cache.keep(key, content, clock.now_ms() + FACTS_KEPT_MS)
        return values

    def _get(self, host: Host, path: str, bytes_max: int, clock: Clock) -> Mapping[str, Any]:
        if not self.limit.wait(clock, WAIT_MS_MAX):
            raise VendorDown("EDGAR allows ten requests a second to a whole deployment, and no turn came in time.")
        headers = {"user-agent": str(self.user_agent)}
        reply = self.http.get(host, path, headers=headers, bytes_max=bytes_max)
        if reply.status == 404:
            raise VendorDown("EDGAR has no company facts for this symbol.")
        return vendor_object(reply, "EDGAR")


def _missing(reason: str) -> SourceResult:
    return SourceResult(SourceName.EDGAR, LABEL, missing=(reason,))


def _read(line: Mapping[str, Any]) -> ReportedValue:
    window = line["window"]
    return ReportedValue(
        name=line["name"],
        label=line["label"],
        value=Decimal(line["value"]),
        unit=Unit(line["unit"]),
        window=Window(date.fromisoformat(window["first"]), date.fromisoformat(window["last"])),
        published=date.fromisoformat(line["published"]),
        currency=line["currency"],
    )
