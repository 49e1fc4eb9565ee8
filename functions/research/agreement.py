"""Whether a printed number says what a fact says."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from functions.research.facts import Fact, Unit
from functions.research.printed_numbers import PrintedNumber, printed_numbers, same_digits

# Stems, each with what may follow it.
_UP = (
    r"\b(?:rose|rises?|risen|rising|up|uptick|higher|above|positive|better|stronger|grew|grows?|grown|growth"
    r"|(?:gain|climb|jump|rebound|recover|soar)(?:s|ed|ing)?|add(?:s|ed|ing)|rall(?:y|ied|ies|ying)"
    r"|(?:increas|advanc|surg)(?:e|es|ed|ing)|improv(?:e|es|ed|ing|ement)|expand(?:s|ed|ing)?)\b"
    r"|涨|升|增|高|攀|上行|反弹|走强|正"
)
_DOWN = (
    r"\b(?:fell|falls?|fallen|falling|down|lower|below|under|beneath|negative|deficit|weaker|worse|drawdowns?"
    r"|(?:gave|given?|gives|giving) (?:up|back)"
    r"|drop(?:s|ped|ping)?|slip(?:s|ped|ping)?|dip(?:s|ped|ping)?|skid(?:s|ded)?|sheds?|slid(?:es?|ing)?"
    r"|(?:declin|decreas|plung|tumbl|eas)(?:e|es|ed|ing)|collaps(?:e|es|ed)|los(?:t|s|ses|es|ing)|crash(?:es|ed)?"
    r"|(?:retreat|slump|crater|plummet)(?:s|ed|ing)?|contract(?:s|ed|ing)|(?:sink|shrink)(?:s|ing)?|sank|sunk|shrank|shrunk"
    r"|correct(?:ed|ion)|pull(?:ed|s)? back|pullback|weakened|worsened|deteriorated"
    r"|off (?:its|the|their)|off(?=\s(?:(?:by|about|some|nearly|almost|roughly)\s)*[$\d]))\b"
    r"|跌|降|减|低|负|亏|回撤|回落|回调|下行|下滑|下挫|滑|挫|走弱|缩|萎"
)
_LOSS = re.compile(r"\bnet loss(?:es)?\b[^,;]*$|净亏损[^，；]*$", re.IGNORECASE | re.ASCII)
_DIRECTION = re.compile(rf"(?P<up>{_UP})|(?P<down>{_DOWN})", re.IGNORECASE | re.ASCII)
_AT_LEAST = re.compile(
    r"(?:\b(?:more than|over|at least|exceed(?:s|ed|ing)|upwards of)\s|超过|逾|至少)$", re.IGNORECASE
)
_AT_MOST = re.compile(r"(?:\b(?:less than|fewer than|at most|just under)\s|不到|至多)$", re.IGNORECASE)
_NEARLY = re.compile(r"(?:\b(?:nearly|almost)\s|近)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Around:
    """What stands around a number: `clause` up to its neighbours, in which it begins at `at`, and all that stands `before` it
    since the last citation. `carries_on`: it is the second of two ("fell 3 % and 5 %"); then `before` has the first one's words."""

    clause: str
    at: int
    before: str
    carries_on: bool = False


def agrees(printed: PrintedNumber, fact: Fact, around: Around) -> bool:
    """At the printed precision, in unit and in sign."""
    if printed.in_range is not None and agrees(printed.in_range, fact, around):
        return True
    if printed.value is None:
        return False
    if fact.unit is Unit.TEXT:
        return _is_in_text(printed, fact.value)
    value = fact.number
    if value is None or not _is_of_its_kind(printed, fact.unit):
        return False
    if printed.currencies and fact.currency not in printed.currencies:
        return False
    if not _is_as_large(printed, abs(value), around.clause[: around.at]):
        return False
    if printed.value == 0:
        return True  # what rounds to zero has no direction
    if printed.sign is not None:
        return (printed.sign < 0) == (value < 0)
    if value > 0 and _LOSS.search(around.clause[: around.at]):
        return False
    direction = _direction(around.clause, around.at, around.at + printed.end - printed.start)
    if not direction and (value < 0 or around.carries_on):
        direction = direction_before(around.before)
    if value < 0:
        return printed.in_parentheses or direction < 0
    return not (fact.unit in {Unit.CHANGE_PERCENT, Unit.CHANGE_POINTS} and direction < 0)


def _is_of_its_kind(printed: PrintedNumber, unit: Unit) -> bool:
    """A rate of 4 % that falls to 3 % falls by one percentage point and by 25 %: neither may stand for the other."""
    if unit is Unit.CHANGE_POINTS:
        return printed.points is True or (printed.percent and printed.points is None)
    if unit in {Unit.PERCENT, Unit.CHANGE_PERCENT}:
        return printed.percent and not printed.points
    return not printed.percent and (not printed.points or unit is Unit.NUMBER)


def _is_rounded(printed: PrintedNumber, value: Decimal) -> bool:
    assert printed.value is not None
    if printed.value == 0 and printed.half_step >= 1 and value != 0:
        return False  # "0 billion" says nothing of 394 million
    return abs(printed.value - value) <= printed.half_step


def _is_as_large(printed: PrintedNumber, value: Decimal, before: str) -> bool:
    """At the printed precision; after a word such as "more than" on that side of it only, and within its next step: of 7 % nobody
    says "more than 5 %"."""
    assert printed.value is not None
    step = 2 * printed.half_step
    if _AT_LEAST.search(before):
        return 0 <= value - printed.value < step
    if _AT_MOST.search(before):
        return 0 <= printed.value - value < step
    return _is_rounded(printed, value) or (_NEARLY.search(before) is not None and 0 <= printed.value - value < step)


def _is_in_text(printed: PrintedNumber, text: str) -> bool:
    return any(
        one.value == printed.value and one.percent == printed.percent for one in printed_numbers(same_digits(text))
    )


def direction_before(text: str) -> int:
    """1 or -1 by the last word of rising or falling in a text; 0 without one."""
    return _direction(text, len(text), len(text))


def direction_word(text: str) -> str:
    """The word of rising or falling with which a text begins: "below" in "3 % [f:…] below its average"."""
    match = _DIRECTION.match(text)
    return match[0] if match is not None else ""


def _direction(clause: str, start: int, end: int) -> int:
    """1 or -1 by the word of rising or falling that stands nearest to the number; 0 without one."""
    nearest, direction = len(clause) + 1, 0
    for match in _DIRECTION.finditer(clause):
        distance = start - match.end() if match.end() <= start else match.start() - end
        if 0 <= distance < nearest:
            nearest, direction = distance, 1 if match["up"] else -1
    return direction
