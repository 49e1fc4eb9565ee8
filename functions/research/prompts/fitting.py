"""Cuts texts to a number of UTF-8 bytes, and says where."""

from __future__ import annotations

from collections.abc import Sequence

CUT = "\n[... cut here ...]"


def size(text: str) -> int:
    """Bytes in UTF-8. A lone surrogate, which has none, counts as it will be sent."""
    return len(text.encode("utf-8", "surrogatepass"))


def cut_text(text: str, bytes_max: int) -> str:
    """The beginning of a text, never half a letter; all of it if it fits."""
    if size(text) <= bytes_max:
        return text
    room = bytes_max - size(CUT)
    return text.encode("utf-8", "surrogatepass")[: max(room, 0)].decode("utf-8", "ignore") + CUT if room >= 0 else ""


def cut_lines(lines: Sequence[str], bytes_max: int) -> str:
    """Whole lines only."""
    whole = "\n".join(lines)
    if size(whole) <= bytes_max:
        return whole
    kept, room = [], bytes_max - size(CUT)
    for line in lines:
        room -= size(line) + 1
        if room < 0:
            break
        kept.append(line)
    return "\n".join(kept) + CUT if kept else ""
