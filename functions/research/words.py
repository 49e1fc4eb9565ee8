"""The words that requests, snapshots, prompts and reports share."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Language(StrEnum):
    """What the report is written in. Each one has headings of its own and is recognised in an answer."""

    ENGLISH = "en"
    CHINESE = "zh"

    @property
    def named(self) -> str:
        """As the model is told it."""
        return {"en": "English", "zh": "Simplified Chinese (简体中文)"}[self.value]


class SourceName(StrEnum):
    """Where data may come from."""

    CSV = "csv"
    SAMPLE = "sample"
    ALPHA_VANTAGE = "alpha_vantage"
    EDGAR = "edgar"
    FRED = "fred"
    RSS = "rss"


PRICE_SOURCES = frozenset({SourceName.CSV, SourceName.SAMPLE, SourceName.ALPHA_VANTAGE})
KEYED_SOURCES = frozenset({SourceName.ALPHA_VANTAGE, SourceName.FRED})


class Adjustment(StrEnum):
    """How past prices were changed for later splits and dividends. One close can differ by a factor of four between them."""

    RAW = "raw"
    SPLIT = "split"
    SPLIT_AND_DIVIDEND = "split_and_dividend"


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """The days that data covers, both included."""

    first: date
    last: date

    def __str__(self) -> str:
        return self.first.isoformat() if self.first == self.last else f"{self.first} to {self.last}"
