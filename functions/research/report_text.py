"""A model's text as blocks: the little Markdown that prompts allow. Everything else stays plain text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from functions.research.headings import SECTIONS
from functions.research.printed_numbers import CITATION

_HEADING = re.compile(r"^\s*#{1,4}\s*(.+?)\s*#*\s*$")
_ITEM = re.compile(r"^\s*(?:[-*•]|\d{1,2}[.)])\s+(?=\S)")
_BOLD = re.compile(r"\*\*(?=\S)(.+?)(?<=\S)\*\*")


class Kind(StrEnum):
    """What a block is."""

    PARAGRAPH = "paragraph"
    ITEM = "item"
    HEADING = "heading"


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a block: plain text, bold text, or the ids of a citation."""

    text: str
    bold: bool = False
    ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, a list item or a sub-heading."""

    kind: Kind
    pieces: tuple[Piece, ...]


def split_sections(text: str) -> Mapping[str, str]:
    """The text of a final report by section key. Other headings stay in the section they stand in; what comes first is summary."""
    known = {_plain(key): key for key in SECTIONS}
    known |= {_plain(name): key for key, names in SECTIONS.items() for name in names.values()}
    found: dict[str, list[str]] = {}
    current = "summary"
    for line in text.split("\n"):
        heading = _HEADING.match(line)
        key = known.get(_plain(heading[1])) if heading else None
        if key is None:
            found.setdefault(current, []).append(line)
        else:
            current = key
    texts = {key: "\n".join(lines).strip() for key, lines in found.items()}
    return {key: texts[key] for key in SECTIONS if texts.get(key)}


def blocks(text: str) -> list[Block]:
    """In order. Lines of one paragraph are joined."""
    return list(_blocks(text))


def _blocks(text: str) -> Iterator[Block]:
    paragraph: list[str] = []
    for line in [*text.split("\n"), ""]:
        heading, item = _HEADING.match(line), _ITEM.match(line)
        if line.strip() and not heading and not item:
            paragraph.append(line.strip())
            continue
        if paragraph:
            yield Block(Kind.PARAGRAPH, tuple(_pieces(" ".join(paragraph))))
            paragraph = []
        if heading:
            yield Block(Kind.HEADING, tuple(_pieces(heading[1])))
        elif item:
            yield Block(Kind.ITEM, tuple(_pieces(line[item.end() :].strip())))


def _pieces(line: str) -> Iterator[Piece]:
    at = 0
    for match in CITATION.finditer(line):
        yield from _bold(line[at : match.start()].rstrip())
        yield Piece("", ids=tuple(part.removeprefix("f:") for part in re.split(r"[,;，；、\s]+", match[1]) if part))
        at = match.end()
    yield from _bold(line[at:])


def _bold(text: str) -> Iterator[Piece]:
    at = 0
    for match in _BOLD.finditer(text):
        if match.start() > at:
            yield Piece(text[at : match.start()])
        yield Piece(match[1], bold=True)
        at = match.end()
    if at < len(text):
        yield Piece(text[at:])


def _plain(heading: str) -> str:
    return re.sub(r"[\s_*:：.\d]+", "", heading).lower()
