"""The snapshot of a run: what was known on the as-of date, frozen under one hash. Every later step reads it and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from functions.research.facts import Fact
from functions.research.request import ResearchRequest
from functions.research.sources.port import Headline, PriceSeries, SourceResult
from functions.research.words import SourceName, Window


@dataclass(frozen=True, slots=True)
class SourceUse:
    """One line of the report's list of sources. `window` is None when nothing came."""

    source: SourceName
    label: str
    window: Window | None
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Missing:
    """Something that was asked for and is not there."""

    source: SourceName
    reason: str


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
        raise NotImplementedError

    @property
    def by_id(self) -> Mapping[str, Fact]:
        """The facts by id."""
        raise NotImplementedError

    def to_bytes(self) -> bytes:
        """Canonical JSON: sorted keys, no spaces, UTF-8."""
        raise NotImplementedError

    @classmethod
    def from_bytes(cls, content: bytes) -> Snapshot:
        """What `to_bytes` wrote. Raises ValueError for anything else."""
        raise NotImplementedError


def freeze(request: ResearchRequest, results: Iterable[SourceResult]) -> Snapshot:
    """Everything that was known on the as-of date. Rows after it change nothing, not even the hash.

    Raises MixedAdjustments, and RequestError when no source gave anything at all.
    """
    raise NotImplementedError
