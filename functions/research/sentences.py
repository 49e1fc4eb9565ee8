"""Cuts a text into the pieces that a citation reaches: sentences, lines, cells of a table."""

from __future__ import annotations

import re

_END = re.compile(
    r"\n+|[|]"
    r"|(?<!\b[A-Z])(?<!\bInc)(?<!\bCorp)(?<!\bCo)(?<!\bLtd)(?<!\bvs)(?<!\bNo)(?<!\bapprox)(?<!\be\.g)(?<!\bi\.e)"
    r"[.!?][\"'”’)*_]*(?=\s+[^\sa-z\d]|\s*$)|[。！？]",
    re.ASCII,
)
_CITED_AFTER = re.compile(r"(?:[ \t]*[\[［【]\s*f\s*[:：][^\[\]［］【】]*[\]］】][.。]?)+", re.IGNORECASE)


def sentences(text: str) -> list[tuple[int, int]]:
    """The spans of all pieces; together they are the whole text. A citation behind a full stop belongs to what stands before it."""
    spans, start = [], 0
    for match in _END.finditer(text):
        if match.start() < start:
            continue
        end = match.end()
        if "\n" not in match[0]:
            after = _CITED_AFTER.match(text, end)
            end = after.end() if after else end
        spans.append((start, end))
        start = end
    if start < len(text):
        spans.append((start, len(text)))
    return spans
