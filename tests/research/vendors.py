"""Vendors that answer with recorded files, and runs over them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from functions.research.request import ResearchRequest, VendorKeys
from functions.research.snapshot import Snapshot, freeze
from functions.research.sources.choose import sources_of
from functions.research.sources.http import NONE, Host, Reply, VendorDown
from functions.research.sources.port import SourceResult, fetch_all
from tests.support.clocks import HandClock
from tokens_forge.clock import Clock

FIXTURES = Path(__file__).parent / "fixtures"
AS_OF = date(2026, 6, 30)
KEYS = VendorKeys(alpha_vantage="THEUSERSKEY", fred="theotheruserskey")
USER_AGENT = "Tests tests@example.com"


def recorded(name: str, status: int = 200, content_type: str = "application/json") -> Reply:
    """A vendor's answer from a file."""
    return Reply(status, content_type, (FIXTURES / name).read_bytes())


ANSWERS: Mapping[str, Reply] = {
    "/files/company_tickers.json": recorded("edgar_company_tickers.json"),
    "/api/xbrl/companyfacts/CIK0000320193.json": recorded("edgar_companyfacts.json"),
    "/query": recorded("alpha_vantage_daily.json"),
    "/fred/series/observations": recorded("fred_observations.json"),
    "/feed/rssoutbound": recorded("rss_feed.xml", content_type="application/rss+xml"),
}
PAGE = recorded("page.html", content_type="text/html; charset=utf-8")


@dataclass
class FakeHttp:
    """Implements `Http`. A path without an answer is a vendor that is down."""

    answers: Mapping[str, Reply] = field(default_factory=lambda: ANSWERS)
    asked: list[tuple[Host, str, Mapping[str, str], Mapping[str, str]]] = field(default_factory=list)

    def get(
        self,
        host: Host,
        path: str,
        query: Mapping[str, str] = NONE,
        headers: Mapping[str, str] = NONE,
        *,
        bytes_max: int,
    ) -> Reply:
        self.asked.append((host, path, query, headers))
        if path not in self.answers:
            raise VendorDown(f"{host} could not be reached (ConnectError).")
        reply = self.answers[path]
        if len(reply.body) > bytes_max:
            raise VendorDown(f"{host} sent more than {bytes_max} bytes.")
        return reply


@dataclass
class FreeLimit:
    """Implements `RateLimit`. Always has room, or never."""

    has_room: bool = True
    asked: int = 0

    def wait(self, clock: Clock, wait_ms_max: int) -> bool:
        self.asked += 1
        return self.has_room


@dataclass
class MemoryCache:
    """Implements `Cache`."""

    kept: dict[str, tuple[bytes, int]] = field(default_factory=dict)

    def read(self, key: str, now_ms: int) -> bytes | None:
        content, expires_at_ms = self.kept.get(key, (b"", 0))
        return content if expires_at_ms > now_ms else None

    def keep(self, key: str, content: bytes, expires_at_ms: int) -> None:
        self.kept[key] = content, expires_at_ms


def request_for(*sources: str, as_of: date = AS_OF, symbol: str = "AAPL", language: str = "en") -> ResearchRequest:
    """A request for these sources."""
    body = {
        "symbol": symbol,
        "as_of": as_of.isoformat(),
        "sources": list(sources),
        "language": language,
        "vendor_keys": {"alpha_vantage": "THEUSERSKEY", "fred": "theotheruserskey"},
    }
    return ResearchRequest.parse(body, date(2026, 11, 25))


def fetch(
    request: ResearchRequest,
    http: FakeHttp | None = None,
    *,
    cache: MemoryCache | None = None,
    limit: FreeLimit | None = None,
    user_agent: str | None = USER_AGENT,
    csv: bytes = b"",
) -> tuple[SourceResult, ...]:
    """What the sources of the request give."""
    sources = sources_of(
        request,
        KEYS,
        http=http or FakeHttp(),
        read_csv=lambda _: csv,
        edgar_limit=limit or FreeLimit(),
        cache=cache or MemoryCache(),
        edgar_user_agent=user_agent,
    )
    return fetch_all(sources, request, HandClock())


def full_snapshot() -> Snapshot:
    """Every vendor's recorded answers, frozen."""
    request = request_for("alpha_vantage", "edgar", "fred", "rss")
    return freeze(request, fetch(request))
