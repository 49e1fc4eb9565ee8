"""The check without a model: every number of a text cites a fact of the snapshot and agrees with it as printed.

A number is proven by the citation that follows it in the same sentence. Several ids in one citation go with the numbers before it
in their order. Checking against *any* fact of the snapshot would let 16 to 43 % of invented numbers pass.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from functions.research.agreement import Around, agrees, direction_word
from functions.research.citations import Citation, citations
from functions.research.comparisons import in_wrong_order
from functions.research.facts import Fact
from functions.research.misnamed import is_of_something_else
from functions.research.presets import Stage
from functions.research.price_facts import AVERAGE_DAYS
from functions.research.printed_numbers import CITATION, PrintedNumber, printed_numbers, same_digits
from functions.research.prompts import build_repair
from functions.research.recommendations import recommendations
from functions.research.sentences import sentences
from functions.research.snapshot import Snapshot
from functions.research.words import Language

CITED_TOGETHER_MAX = 6
LOOKED_BACK = 300  # characters, for a word of direction
# Between a citation and a number of which is said what was said of the one before: "fell 3 % [f:…] on the day and 5 % [f:…]".
_CARRIES_ON = re.compile(
    r"(?:[^.;:；。：\d]|\d+-){0,60}(?:\b(?:and|versus|vs\.?|against|compared (?:with|to))\s|[与和及])"
    r"(?:(?:about|roughly|nearly|another|some|a further)\s)?",
    re.IGNORECASE,
)
_DIGITS = re.compile(r"\d+")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_LEFT_OVER = re.compile(r"^[\s>*#\-•|:]*(?:\d{1,2}[.)、])?[\s*_|.。,:：\-]*$")


class Fault(StrEnum):
    """What is wrong with a place of a text."""

    UNCITED = "uncited"
    UNKNOWN_ID = "unknown_id"
    TOO_MANY_IDS = "too_many_ids"
    WRONG_VALUE = "wrong_value"
    WRONG_ORDER = "wrong_order"
    RECOMMENDATION = "recommendation"


_OF_A_NUMBER = frozenset({Fault.UNCITED, Fault.WRONG_VALUE, Fault.WRONG_ORDER})
_SAID: Mapping[Fault, str] = {
    Fault.UNCITED: "this number cites no fact.",
    Fault.UNKNOWN_ID: "there is no fact of this id.",
    Fault.TOO_MANY_IDS: f"a citation may have {CITED_TOGETHER_MAX} ids.",
    Fault.WRONG_VALUE: "the cited fact does not have this value, unit or direction, or is of something else.",
    Fault.WRONG_ORDER: "it does not stand to the number before it as the sentence says.",
    Fault.RECOMMENDATION: "this tells somebody what to do with the share.",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One place that is wrong: `text[start:end]`. `cited` are the ids that were looked at."""

    fault: Fault
    start: int
    end: int
    printed: str
    cited: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Checked:
    """`numbers` were looked at, `proven` of them agree with their fact. A text is good when there are no findings."""

    numbers: int
    proven: int
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class _Sentence:
    """`text[start:end]`, and the same without its citations."""

    text: str
    start: int
    end: int
    plain: str


_Place = TypeVar("_Place", Citation, PrintedNumber)


def check(text: str, facts: Mapping[str, Fact]) -> Checked:
    """Look at every number, every citation and every buy or sell line. Pure: the same text gives the same findings."""
    shown = same_digits(text)
    numbers, cited_all = printed_numbers(shown), citations(shown)
    names = _label_numbers(facts.values()) | {str(days) for days in AVERAGE_DAYS}
    findings: list[Finding] = []
    looked_at = 0
    for start, end in sentences(shown):
        cited, inside = _between(cited_all, start, end), _between(numbers, start, end)
        line_start, line_end = _line(text, start)
        beside = _between(cited_all, line_start, line_end)
        here = _label_numbers(facts[one] for citation in beside for one in citation.ids if one in facts)
        claims = [number for number in inside if not _is_a_name(number, shown, names, here)]
        looked_at += len(claims)
        findings += _of_sentence(shown, start, end, claims, cited, facts)
    unproven = len({finding.start for finding in findings if finding.fault in _OF_A_NUMBER})
    findings += [Finding(Fault.RECOMMENDATION, start, end, text[start:end]) for start, end in recommendations(text)]
    return Checked(looked_at, looked_at - unproven, tuple(sorted(findings, key=lambda finding: finding.start)))


def remove_unproven(text: str, facts: Mapping[str, Fact]) -> tuple[str, tuple[Finding, ...]]:
    """The text without the sentences that hold a finding, and those findings. What comes back has no findings."""
    removed: list[Finding] = []
    while findings := check(text, facts).findings:
        removed += findings
        text = _without_sentences(text, findings)
    return text, tuple(removed)


def repair_messages(
    stage: Stage, text: str, findings: Sequence[Finding], snapshot: Snapshot, language: Language
) -> list[dict[str, str]] | None:
    """The one request for a repair, within `stage.input_bytes_max`: the text, what is wrong in it, and the facts.

    None when the text is too long to be repaired whole; then what is unproven is only removed.
    """
    wrong = [f"“{finding.printed}”: {_SAID[finding.fault]}{_around(text, finding)}" for finding in findings]
    return build_repair(stage, text, wrong, snapshot, language)


def _around(text: str, finding: Finding) -> str:
    before, after = text[max(finding.start - 40, 0) : finding.start], text[finding.end : finding.end + 40]
    return " In: " + " ".join(f"{before}{finding.printed}{after}".split())


def _between(places: Sequence[_Place], start: int, end: int) -> Sequence[_Place]:
    """Those that begin there; they are in order."""
    first = bisect_left(places, start, key=_start)
    return places[first : bisect_left(places, end, first, key=_start)]


def _start(place: Citation | PrintedNumber) -> int:
    return place.start


def _line(text: str, at: int) -> tuple[int, int]:
    """The line that holds a place, without its end."""
    end = text.find("\n", at)
    return text.rfind("\n", 0, at) + 1, len(text) if end < 0 else end


def _label_numbers(facts: Iterable[Fact]) -> frozenset[str]:
    return frozenset(digits for fact in facts for digits in _DIGITS.findall(_DAY.sub("", fact.label)))


def _is_a_name(number: PrintedNumber, text: str, names: frozenset[str], here: frozenset[str]) -> bool:
    """The 50 of "50-day average" is no claim if some fact is named so; the 20 of "20 days" only on a line that cites one."""
    digits = _DIGITS.search(text, number.start, number.end)
    return (
        bool(number.names_window) and digits is not None and digits[0] in (names if number.names_window == 1 else here)
    )


def _of_sentence(
    text: str,
    start: int,
    end: int,
    numbers: Sequence[PrintedNumber],
    brackets: Sequence[Citation],
    facts: Mapping[str, Fact],
) -> Iterator[Finding]:
    sentence = _Sentence(text, start, end, CITATION.sub(" ", text[start:end]))
    for citation in brackets:
        unknown = [one for one in citation.ids if one not in facts]
        group = [number for number in numbers if start <= number.start < citation.start]
        if unknown or not citation.ids:
            place = text[citation.start : citation.end]
            yield Finding(Fault.UNKNOWN_ID, citation.start, citation.end, place, citation.ids)
        elif len(citation.ids) > CITED_TOGETHER_MAX:
            place = text[citation.start : citation.end]
            yield Finding(Fault.TOO_MANY_IDS, citation.start, citation.end, place, citation.ids)
        yield from _of_group(sentence, start, group, citation, facts)
        start = citation.end
    for number in numbers:
        if number.start >= start:
            yield Finding(Fault.UNCITED, number.start, number.end, text[number.start : number.end])
    for number in in_wrong_order(text, sentence.start, numbers):
        yield Finding(Fault.WRONG_ORDER, number.start, number.end, text[number.start : number.end])


def _of_group(
    sentence: _Sentence,
    start: int,
    numbers: list[PrintedNumber],
    citation: Citation,
    facts: Mapping[str, Fact],
) -> Iterator[Finding]:
    """Numbers go with ids in their order. Only when there are more numbers than ids may two share one. `start` is where the
    citation before this one ends."""
    text = sentence.text
    shares = len(numbers) > len(citation.ids)
    next_id = 0
    for index, number in enumerate(numbers):
        clause_start = numbers[index - 1].end if index else start
        clause_end = numbers[index + 1].start if index + 1 < len(numbers) else citation.start
        clause, after = text[clause_start:clause_end], ""
        if index + 1 == len(numbers):
            after = re.split(r"[,;，；。]", text[citation.end : sentence.end], maxsplit=1)[0]
            clause += " " + direction_word(after.lstrip())
        carries_on = not index and _CARRIES_ON.fullmatch(text, start, number.start) is not None
        first = sentence.start if carries_on else start
        before = CITATION.sub(" ", text[max(first, number.start - LOOKED_BACK) : number.start])
        around = Around(clause, number.start - clause_start, before, carries_on)
        for position in range(next_id, len(citation.ids)):
            fact = facts.get(citation.ids[position])
            if fact is None or not agrees(number, fact, around):
                continue
            if not is_of_something_else(fact, clause[: around.at], after, sentence.plain):
                next_id = position if shares else position + 1
                break
        else:
            printed = text[number.start : number.end]
            yield Finding(Fault.WRONG_VALUE, number.start, number.end, printed, citation.ids)


def _without_sentences(text: str, findings: tuple[Finding, ...]) -> str:
    """A row of a table goes as a whole; a line of which nothing is left goes too."""
    spans, pieces = [], sentences(text)
    wrong = set()
    starts = [start for start, _ in pieces]
    for finding in findings:
        first = bisect_right(starts, finding.start) - 1
        wrong |= {first, *range(first + 1, bisect_left(starts, finding.end))}
    for start, end in (pieces[index] for index in sorted(wrong)):
        line_start, line_end = _line(text, start)
        is_row = text[line_start:line_end].lstrip().startswith("|")
        spans.append((line_start, line_end) if is_row else (start, min(end, line_end)))
    kept, at = "", 0
    for start, end in spans:
        kept += text[at : max(start, at)]
        at = max(end, at)
    lines = zip((kept + text[at:]).split("\n"), text.split("\n"), strict=True)
    return "\n".join(line for line, before in lines if line == before or not _LEFT_OVER.match(line)).strip()
