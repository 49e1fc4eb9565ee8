"""The lines of a snapshot about its sources."""

from __future__ import annotations

from dataclasses import dataclass

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
