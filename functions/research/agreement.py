"""Whether a printed number says what a fact says."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from functions.research.facts import Fact, Unit
from functions.research.printed_numbers import PrintedNumber, printed_numbers, same_digits

_UP = (
    r"\b(?:rose|rises?|risen|rising|up|gain(?:s|ed|ing)?|increas(?:e|es|ed|ing)|grew|grows?|grown|growth|climb(?:s|ed|ing)?|higher"
    r"|above|advanc(?:e|es|ed)|add(?:s|ed)|jump(?:s|ed)?|surg(?:e|es|ed)|rall(?:y|ied)|positive|expand(?:s|ed)|soar(?:s|ed)|recover(?:s|ed)|better|stronger)\b|涨|升|增|高|正"
)
_DOWN = (
    r"\b(?:fell|falls?|fallen|falling|down|drop(?:s|ped)?|declin(?:e|es|ed|ing)|decreas(?:e|es|ed|ing)|los(?:t|s|ses|es|ing)"
    r"|lower|below|under|slid|slip(?:s|ped)?|shrank|shrunk|contract(?:s|ed)|negative|drawdowns?|dip(?:s|ped)?|sank|deficit"
    r"|beneath|sheds?|plung(?:e|es|ed)|tumbl(?:e|es|ed)|retreat(?:s|ed)|eas(?:es|ed)|weaker|worse|off (?:its|the|their))\b"
    r"|跌|降|减|低|负|亏|回撤|回落|缩"
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
    since the last citation."""

    clause: str
    at: int
    before: str


def agrees(printed: PrintedNumber, fact: Fact, around: Around) -> bool:
    """At the printed precision, in unit and in sign."""
    if printed.in_range is not None and agrees(printed.in_range, fact, around):
        return True
    if printed.value is None:
        return False
    if fact.unit is Unit.TEXT:
        return _is_in_text(printed, fact.value)
    value = fact.number
    if value is None or printed.percent != (fact.unit in {Unit.PERCENT, Unit.CHANGE_PERCENT}):
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
    if value < 0:
        before = around.before
        return printed.in_parentheses or (direction or _direction(before, len(before), len(before))) < 0
    return not (fact.unit is Unit.CHANGE_PERCENT and direction < 0)


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


def _direction(clause: str, start: int, end: int) -> int:
    """1 or -1 by the word of rising or falling that stands nearest to the number; 0 without one."""
    nearest, direction = len(clause) + 1, 0
    for match in _DIRECTION.finditer(clause):
        distance = start - match.end() if match.end() <= start else match.start() - end
        if 0 <= distance < nearest:
            nearest, direction = distance, 1 if match["up"] else -1
    return direction
