"""What a user asks to be researched. Vendor keys are not in it: they are given to the sources and kept nowhere."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, TypeVar

from functions.research.presets import PRESETS
from functions.research.words import KEYED_SOURCES, PRICE_SOURCES, Adjustment, Language, SourceName
from tokens_forge.errors import RequestError

SYMBOL = re.compile(r"[A-Z0-9][A-Z0-9.\-]{0,14}")
OLDEST_AS_OF = date(1990, 1, 1)
CSV_BYTES_MAX = 2_000_000
VENDOR_KEY_MAX = 200

_Word = TypeVar("_Word", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class CsvReference:
    """An uploaded file, by the digest it is kept under. The bytes travel apart from the request."""

    sha256: str
    adjustment: Adjustment
    currency: str


@dataclass(frozen=True, slots=True)
class VendorKeys:
    """The user's own keys. They are never part of a snapshot, a log or a report, so that they do not show when printed."""

    alpha_vantage: str | None = None
    fred: str | None = None

    def __repr__(self) -> str:
        return "VendorKeys(...)"

    @classmethod
    def parse(cls, body: Mapping[str, Any]) -> VendorKeys:
        """Reads `vendor_keys`. Raises RequestError, which never repeats a key."""
        given = body.get("vendor_keys") or {}
        if not isinstance(given, Mapping) or set(given) - {name.value for name in KEYED_SOURCES}:
            raise RequestError("vendor_keys may hold alpha_vantage and fred.", param="vendor_keys")
        for name, key in given.items():
            if not isinstance(key, str) or not re.fullmatch(rf"[A-Za-z0-9_\-]{{1,{VENDOR_KEY_MAX}}}", key):
                raise RequestError(f"vendor_keys.{name} is not a key.", param=f"vendor_keys.{name}")
        return cls(**given)

    def of(self, source: SourceName) -> str | None:
        """The key for one source."""
        return {SourceName.ALPHA_VANTAGE: self.alpha_vantage, SourceName.FRED: self.fred}.get(source)


@dataclass(frozen=True, slots=True)
class ResearchRequest:
    """One research task. Two equal requests ask for the same."""

    symbol: str
    as_of: date
    preset: str
    language: Language
    sources: tuple[SourceName, ...]
    csv: CsvReference | None = None

    @classmethod
    def parse(cls, body: Mapping[str, Any], today: date) -> ResearchRequest:
        """Read an API body: symbol, as_of, preset, language, sources, prices_csv, prices_adjustment, prices_currency.

        `today` is the newest as-of date there may be (UTC). Without `sources`, an uploaded file is the only one, and without a
        file the bundled sample is. Raises RequestError with `param`. Fields that it does not know are the caller's business.
        """
        symbol = body.get("symbol")
        if not isinstance(symbol, str) or not SYMBOL.fullmatch(symbol.strip().upper()):
            raise RequestError("symbol must be a ticker such as AAPL or BRK.B.", param="symbol")
        csv = _csv(body)
        sources = _sources(body, csv)
        return cls(
            symbol=symbol.strip().upper(),
            as_of=_as_of(body, today),
            preset=preset_of(body.get("preset", "standard")),
            language=language_of(body.get("language", "en")),
            sources=sources,
            csv=csv,
        )

    def to_json(self) -> dict[str, Any]:
        """As it is stored and shown."""
        return {
            "symbol": self.symbol,
            "as_of": self.as_of.isoformat(),
            "preset": self.preset,
            "language": self.language.value,
            "sources": [source.value for source in self.sources],
            "csv": None
            if self.csv is None
            else {
                "sha256": self.csv.sha256,
                "adjustment": self.csv.adjustment.value,
                "currency": self.csv.currency,
            },
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> ResearchRequest:
        """What `to_json` wrote."""
        csv = kept["csv"]
        return cls(
            symbol=kept["symbol"],
            as_of=date.fromisoformat(kept["as_of"]),
            preset=kept["preset"],
            language=Language(kept["language"]),
            sources=tuple(SourceName(name) for name in kept["sources"]),
            csv=None if csv is None else CsvReference(csv["sha256"], Adjustment(csv["adjustment"]), csv["currency"]),
        )


def preset_of(given: object) -> str:
    """A preset that there is. Raises RequestError."""
    if not isinstance(given, str) or given not in PRESETS:
        raise RequestError(f"preset must be one of {', '.join(PRESETS)}.", param="preset")
    return given


def language_of(given: object) -> Language:
    """A language that there is. Raises RequestError."""
    return _word(Language, given, "language")


def csv_bytes(body: Mapping[str, Any]) -> bytes | None:
    """The uploaded file of an API body, to be kept under the digest that the request names. Raises RequestError."""
    given = body.get("prices_csv")
    if given is None:
        return None
    if not isinstance(given, str):
        raise RequestError("prices_csv must be the text of a price file.", param="prices_csv")
    if not given.strip():
        raise RequestError("prices_csv is empty.", param="prices_csv")
    try:
        content = given.encode()
    except UnicodeEncodeError:
        raise RequestError("prices_csv is not valid Unicode.", param="prices_csv") from None
    if len(content) > CSV_BYTES_MAX:
        raise RequestError(f"prices_csv may have at most {CSV_BYTES_MAX} bytes.", param="prices_csv")
    return content


def _csv(body: Mapping[str, Any]) -> CsvReference | None:
    content = csv_bytes(body)
    if content is None:
        return None
    currency = body.get("prices_currency", "USD")
    if not isinstance(currency, str) or not re.fullmatch(r"[A-Z]{3}", currency):
        raise RequestError("prices_currency must be a currency code such as USD.", param="prices_currency")
    if "prices_adjustment" not in body:
        raise RequestError(
            "prices_adjustment must say how the prices are adjusted: raw, split or split_and_dividend.",
            param="prices_adjustment",
        )
    return CsvReference(
        sha256=hashlib.sha256(content).hexdigest(),
        adjustment=_word(Adjustment, body["prices_adjustment"], "prices_adjustment"),
        currency=currency,
    )


def _sources(body: Mapping[str, Any], csv: CsvReference | None) -> tuple[SourceName, ...]:
    default = [SourceName.SAMPLE.value if csv is None else SourceName.CSV.value]
    given = body.get("sources", default)
    if not isinstance(given, list) or not given:
        raise RequestError("sources must be a list with at least one name.", param="sources")
    sources = tuple(dict.fromkeys(_word(SourceName, name, "sources") for name in given))
    if len(PRICE_SOURCES.intersection(sources)) > 1:
        raise RequestError(
            "Prices come from one source a run, so that differently adjusted series are never mixed: "
            "choose one of csv, alpha_vantage, sample.",
            param="sources",
        )
    if (SourceName.CSV in sources) != (csv is not None):
        raise RequestError("The source csv and the field prices_csv belong together.", param="prices_csv")
    keys = VendorKeys.parse(body)
    for source in sources:
        if source in KEYED_SOURCES and keys.of(source) is None:
            raise RequestError(
                f"The source {source} needs your own key in vendor_keys.{source}.", param=f"vendor_keys.{source}"
            )
    return sources


def _as_of(body: Mapping[str, Any], today: date) -> date:
    given = body.get("as_of", today.isoformat())
    if not isinstance(given, str) or not re.fullmatch(r"\d{4}-\d{2}-\d{2}", given, re.ASCII):
        raise RequestError("as_of must be a date such as 2026-06-30.", param="as_of")
    try:
        as_of = date.fromisoformat(given)
    except ValueError:
        raise RequestError(f"There is no day {given}.", param="as_of") from None
    if as_of > today:
        raise RequestError(f"as_of {given} lies in the future: today is {today}.", param="as_of")
    if as_of < OLDEST_AS_OF:
        raise RequestError(f"as_of may not be before {OLDEST_AS_OF}.", param="as_of")
    return as_of


def _word(words: type[_Word], given: object, param: str) -> _Word:
    try:
        return words(str(given))
    except ValueError:
        raise RequestError(f"{param} must be one of {', '.join(words)}.", param=param) from None
