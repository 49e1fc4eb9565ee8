"""The examples of the documents: code blocks, and what the text says that they print.

A block of `sh` may be followed by what it prints, as `json` or `text`. In `python` and `js` a line that prints says so in a
comment: `print(x)  # what it prints`. In what is shown, `…` stands for anything, a line of it for any lines, `"…"` as the last of a
JSON list for the rest of it, and `"…": "…"` for further fields. Ids, times and counters need not be the same, but must be of the
same sort.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ANY = "…"
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PRINTED = re.compile(r"^\s*(?:print|console\.log)\(.*\);? +(?:#|//) (.*)$", re.MULTILINE)
_OUTPUTS = ("json", "text")
_COUNTERS = {"created", "created_at", "duration_ms"}
# What is made anew each time, and what it is shown as.
_MADE_ANEW = [
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"), "<time>"),
    (re.compile(r"\btf_(official|routed|manage)_[0-9a-z]{20}_[0-9a-z]{40}"), r"tf_\1_<secret>"),
    (re.compile(r"\b([a-z]+)_[0-9a-hjkmnp-tv-z]{12,26}\b"), r"<\1>"),
    (re.compile(r"\b[0-9a-hjkmnp-tv-z]{26}\."), "<entry>."),
    (re.compile(r"sandbox[-_][0-9a-f]{32}\b"), "<sandbox>"),
    (re.compile(r'"(created|created_at)": ?\d+'), r'"\1":0'),
]


@dataclass(frozen=True, slots=True)
class Example:
    """One block of code. `shown` is what it prints, None when the text does not say; `where` names it in a failure."""

    language: str
    code: str
    shown: str | None
    is_json: bool
    where: str


def examples_of(page: Path) -> Iterator[Example]:
    """Every block of code of a page, in its order."""
    text = page.read_text()
    blocks = list(_BLOCK.finditer(text))
    for number, block in enumerate(blocks):
        language, code = block.groups()
        if language in _OUTPUTS:
            continue
        where = f"{page.name}:{text.count(chr(10), 0, block.start()) + 1}"
        follower = blocks[number + 1] if number + 1 < len(blocks) else None
        if language == "sh" and follower is not None and follower.group(1) in _OUTPUTS:
            yield Example(language, code, follower.group(2), follower.group(1) == "json", where)
        else:
            printed = _PRINTED.findall(code)
            yield Example(language, code, "\n".join(printed) if printed else None, False, where)


def difference(example: Example, printed: str) -> str | None:
    """Where the real output is not what is shown; None when it is."""
    if example.shown is None:
        return None
    if example.is_json:
        return _json_difference(json.loads(example.shown), json.loads(printed), "")
    pattern = "".join(
        {f"{ANY}\n": r"(?:.*\n)*?", ANY: ".*"}.get(piece, re.escape(piece))
        for piece in re.split(rf"((?:(?<=\n)|^){ANY}\n|{ANY})", _steady(example.shown.strip() + "\n"))
    )
    real = _steady(printed.replace("\r", "").strip() + "\n")
    return None if re.fullmatch(pattern, real) else f"shown:\n{example.shown}\nreal:\n{printed[:3000]}"


def _json_difference(shown: Any, real: Any, where: str) -> str | None:
    if isinstance(shown, dict) and isinstance(real, dict):
        named = shown.keys() - {ANY}
        if named - real.keys() or (ANY not in shown and real.keys() - named):
            return f"{where}: {named ^ real.keys()} are not in both"
        pairs = [(shown[name], real[name], f"{where}.{name}", name) for name in named]
    elif isinstance(shown, list) and isinstance(real, list):
        if shown and shown[-1] == ANY:
            shown, real = shown[:-1], real[: len(shown) - 1]
        if len(shown) != len(real):
            return f"{where}: {len(shown)} shown, {len(real)} real"
        pairs = [
            (one, other, f"{where}.{index}", "") for index, (one, other) in enumerate(zip(shown, real, strict=True))
        ]
    elif isinstance(shown, str) and isinstance(real, str):
        pattern = ".*".join(re.escape(piece) for piece in _steady(shown).split(ANY))
        return None if re.fullmatch(pattern, _steady(real), re.DOTALL) else f"{where}: {shown!r} shown, {real!r} real"
    else:
        return None if shown == real and type(shown) is type(real) else f"{where}: {shown!r} shown, {real!r} real"
    for one, other, place, name in pairs:
        is_counter = name in _COUNTERS and type(one) is type(other) is int
        found = None if is_counter else _json_difference(one, other, place)
        if found is not None:
            return found
    return None


def _steady(text: str) -> str:
    for pattern, name in _MADE_ANEW:
        text = pattern.sub(name, text)
    return text
