"""Headlines from a news feed. The only module that imports feedparser.

A feed is outside text at its worst: it is bounded in size, an entity or document type in it refuses the whole feed, only titles are
used, and they are cut, stripped of markup and control characters, and later fenced. What has no date is dropped: nobody could say
that it was known on the as-of date.
"""

from __future__ import annotations

import html
import io
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import feedparser

from functions.research.request import ResearchRequest
from functions.research.sources.http import Host, Http, Reply, VendorDown
from functions.research.sources.port import Headline, SourceResult
from functions.research.words import SourceName
from tokens_forge.clock import Clock

LABEL = "Nasdaq news feed"
BYTES_MAX = 1_000_000
ENTRIES_MAX = 200
TITLE_MAX = 200
PUBLISHER_MAX = 60
_DECLARATION = re.compile(rb"<!\s*(DOCTYPE|ENTITY)", re.IGNORECASE)
_TAG = re.compile(r"<[^>]*>")


@dataclass(frozen=True, slots=True)
class NewsFeed:
    """Implements `sources.port.Source`. The feed of one symbol."""

    http: Http

    @property
    def name(self) -> SourceName:
        """News by RSS."""
        return SourceName.RSS

    def fetch(self, request: ResearchRequest, clock: Clock) -> SourceResult:
        """Headlines up to the as-of date. A feed holds the newest ones only: for an old as-of date there are none."""
        try:
            reply = self.http.get(Host.NASDAQ, "/feed/rssoutbound", {"symbol": request.symbol}, bytes_max=BYTES_MAX)
            headlines = tuple(_headlines(_feed(reply), request.as_of))
        except VendorDown as down:
            return SourceResult(self.name, LABEL, missing=(str(down),))
        missing = () if headlines else (f"The feed has no headline up to {request.as_of}.",)
        return SourceResult(self.name, LABEL, headlines=headlines, missing=missing)


def _feed(reply: Reply) -> Any:
    if reply.status != 200:
        raise VendorDown(f"The news feed answered with HTTP {reply.status}.")
    try:
        reply.body.decode()
    except UnicodeDecodeError:
        raise VendorDown("The news feed is not UTF-8.") from None
    if _DECLARATION.search(reply.body) or b"\0" in reply.body:
        raise VendorDown("The news feed declares entities or a document type, and was not read.")
    # As a file: a string could be taken for an address, and be fetched. The type is said, for UTF-8 is what was looked at.
    found = feedparser.parse(
        io.BytesIO(reply.body), response_headers={"content-type": "application/xml; charset=utf-8"}
    )
    if not found.get("version"):
        raise VendorDown("The news feed answered with something that is not a feed.")
    return found


def _headlines(found: Any, as_of: date) -> Iterator[Headline]:
    seen = set()
    for entry in found.entries[:ENTRIES_MAX]:
        when = entry.get("published_parsed") or entry.get("updated_parsed")
        title = clean(str(entry.get("title", "")), TITLE_MAX)
        if when is None or not title or title in seen:
            continue
        day = date(when.tm_year, when.tm_mon, when.tm_mday)
        if day > as_of:
            continue
        seen.add(title)
        publisher = entry.get("author") or entry.get("nasdaq_partnerlink") or found.feed.get("title", "")
        yield Headline(day, title, clean(str(publisher), PUBLISHER_MAX))


def clean(outside: str, characters_max: int) -> str:
    """One line without markup, control or direction characters, cut to a length."""
    text = html.unescape(_TAG.sub(" ", outside[: 10 * characters_max]))
    text = "".join(" " if unicodedata.category(letter)[0] in "CZ" else letter for letter in text)
    text = " ".join(text.replace("<", " ").replace(">", " ").split())
    return text if len(text) <= characters_max else text[: characters_max - 1].rstrip() + "…"
