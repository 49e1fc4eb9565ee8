"""Whether a sentence puts two numbers in the wrong order: "above its average of 206 USD" at 200 USD, "rose to 4.1 % from 4.3 %".

Both may be proven, each by its own fact; what is said of the two together may be false all the same. It looks for plain forms only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from functions.research.agreement import direction_before
from functions.research.printed_numbers import CITATION, PrintedNumber

# From the word to the second number there is one noun and no second thought.
_ABOVE = re.compile(r"(?:\babove\s|高于)[^,;.，；。]{0,60}$", re.IGNORECASE)
_BELOW = re.compile(r"(?:\b(?:below|under|beneath)\s|低于)[^,;.，；。]{0,60}$", re.IGNORECASE)
_TWO_THINGS = re.compile(r"\b(?:and|while|with|but|as)\b|而|但|和", re.IGNORECASE)
_FROM = re.compile(r"\bfrom\s[^,;.\d]{0,20}$", re.IGNORECASE)
_TO = re.compile(r"\bto\s[^,;.\d]{0,20}$", re.IGNORECASE)


def in_wrong_order(text: str, start: int, numbers: Sequence[PrintedNumber]) -> Iterator[PrintedNumber]:
    """The second of each two numbers of one kind that contradict the words between them; the sentence begins at `start`."""
    for first, second in pairwise(numbers):
        if not _are_of_one_kind(first, second):
            continue
        # An id is no word of the sentence: nothing falls because of `price.drawdown`.
        before = CITATION.sub(" ", text[start : first.start])
        between = CITATION.sub(" ", text[first.end : second.start])
        assert first.value is not None and second.value is not None
        said = _said(before, between)
        if said * (first.value - second.value) < 0:
            yield second


def _are_of_one_kind(first: PrintedNumber, second: PrintedNumber) -> bool:
    return (
        None not in (first.value, second.value)
        and (first.percent, first.points) == (second.percent, second.points)
        and first.currencies == second.currencies
        and first.sign is None is second.sign
    )


def _said(before: str, between: str) -> int:
    """1 when the first is said to be the larger one, -1 for the second, 0 when nothing is said."""
    if _FROM.search(between):
        return direction_before(before)
    if _TO.search(between) and _FROM.search(before):
        return -direction_before(before)
    for position, said in ((_ABOVE, 1), (_BELOW, -1)):
        match = position.search(between)
        if match is not None and not _TWO_THINGS.search(match[0]):
            return said
    return 0
