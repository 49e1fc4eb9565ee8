"""Citations: `[f:price.close]`, behind the numbers that they prove."""

from __future__ import annotations

import re
from dataclasses import dataclass

from functions.research.printed_numbers import CITATION

_BETWEEN_CITATIONS = re.compile(r"[\s,;，、和]*")


@dataclass(frozen=True, slots=True)
class Citation:
    """A bracket, or several that stand next to each other: `text[start:end]`, and the ids of facts in it."""

    start: int
    end: int
    ids: tuple[str, ...]


def citations(text: str) -> list[Citation]:
    """In their order."""
    joined: list[Citation] = []
    for match in CITATION.finditer(text):
        parts = re.split(r"[,;，；、\s]+", match[1])
        ids = tuple(part for part in (re.sub(r"^f[:：]", "", part) for part in parts) if part)
        before = joined[-1] if joined else None
        if before is not None and _BETWEEN_CITATIONS.fullmatch(text[before.end : match.start()]):
            joined[-1] = Citation(before.start, match.end(), before.ids + ids)
        else:
            joined.append(Citation(match.start(), match.end(), ids))
    return joined
