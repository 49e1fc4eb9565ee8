"""Finds the numbers that a text prints, with what each one claims: value, precision, sign, percent, currency.

What only looks like a number is left alone: dates, list numbering, names such as S&P 500, 10-K or Q3. English and Chinese.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from functions.research.left_alone import left_alone

CITATION = re.compile(r"[\[［【]\s*f\s*[:：]([^\[\]［］【】]*)[\]］】]", re.IGNORECASE)
_SAME = str.maketrans("％．－−﹣＋＄\u00a0\u2009\u202f\u3000", "%.---+$    ")
_SCALES = {
    "trillion": 12, "tn": 12, "t": 12, "万亿": 12,
    "billion": 9, "bn": 9, "b": 9, "亿": 8,
    "million": 6, "mn": 6, "mm": 6, "m": 6, "百万": 6, "千万": 7,
    "thousand": 3, "k": 3, "千": 3, "万": 4,
}  # fmt: skip
_CURRENCIES = {
    "$": ("USD", "HKD", "CAD", "AUD", "SGD"), "us$": ("USD",), "usd": ("USD",), "dollar": ("USD",), "美元": ("USD",),
    "€": ("EUR",), "eur": ("EUR",), "euro": ("EUR",), "欧元": ("EUR",),
    "£": ("GBP",), "gbp": ("GBP",), "pound": ("GBP",), "英镑": ("GBP",),
    "¥": ("CNY", "JPY"), "cny": ("CNY",), "rmb": ("CNY",), "yuan": ("CNY",), "元": ("CNY",),
    "jpy": ("JPY",), "yen": ("JPY",), "日元": ("JPY",), "hkd": ("HKD",), "港元": ("HKD",),
}  # fmt: skip
_MONEY_BEFORE = r"US\$|[$€£¥]|(?:USD|EUR|GBP|CNY|RMB|JPY|HKD)\s?"
_MONEY_AFTER = r"USD|EUR|GBP|CNY|RMB|JPY|HKD|(?:US\s)?dollars?|euros?|pounds?|yuan|yen|美元|欧元|英镑|日元|港元|元"
_SCALE = r"trillion|billion|million|thousand|tn\b|bn\b|mn\b|mm\b|[KkMmBbT](?![A-Za-z])|万亿|百万|千万|亿|万|千"
_PERCENT = (
    r"%|percentage[ -]points?|points?(?![ -]of)\b"
    r"|per[ -]?cent|pp\b|bps\b|basis[ -]points?|个?百分点|个?基点|‰"
)
_NUMBER = re.compile(
    rf"""
    (?P<sign>(?:(?<![\w%)\].'"])[-+–]|\b(?:minus|negative)\s|负)(?=(?:{_MONEY_BEFORE})?[.\d]))?
    (?P<before>{_MONEY_BEFORE})?
    (?P<inner>(?<=[$€£¥\s])[-+](?=[.\d]))?
    (?P<digits>\d{{1,3}}(?:,\d{{3}})+(?:\.\d+)?(?!\d) | \d+(?:\.\d+)? | (?<![\w.])\.\d+)
    (?P<exponent>[eE][-+]?\d{{1,2}}(?!\w))?
    (?:[ ]?(?P<scale>{_SCALE}))?
    (?:[ -]?(?P<percent>{_PERCENT}))?
    (?:[ ]?(?P<after>{_MONEY_AFTER})(?![A-Za-z]))?
    """,
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
_RANGE = re.compile(r"\s?(?:-|–|—|~|～|to|and|至|到)\s?", re.IGNORECASE)
_WINDOW = re.compile(
    r"(?P<hyphen>-)?\s?(?:trading[ -])?(?:day|session|week|month|year|quarter|period|deviation|standard deviation)s?\b"
    r"|\s?个?(?:交易)?(?P<chinese>日|天|周|月|年|季)",
    re.IGNORECASE | re.ASCII,
)
_INDICATOR = re.compile(r"\b(?:RSI|SMA|EMA|MA|ATR|MACD|ddof)(?:\s?[(（]|\s)(?:\d+,\s?)*$", re.IGNORECASE | re.ASCII)
_SPELLED = re.compile(
    r"\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen"
    r"|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|dozen|half a)"
    r"(?:[\s-]and[\s-]a[\s-](?:half|quarter))?"
    r"[\s-]+(?:per[ -]?cent|percentage|hundred|thousand|million|billion|trillion|dollars|points?\b|basis|times\b|fold\b)"
    r"|\ban?\s(?:hundred|thousand|million|billion|trillion)\b"
    r"|百分之[零〇一二三四五六七八九十百点两几]+|[零一二三四五六七八九十百千两点]{2,}(?:万|亿|倍|美元|个百分点)"
    r"|[二三四五六七八九十两](?:万|亿|倍|个百分点)|[一二两三四五六七八九](?:成半|成(?=[，。；、\s\x00]|$))",
    re.IGNORECASE | re.ASCII,
)


@dataclass(frozen=True, slots=True)
class PrintedNumber:
    """`value` is unsigned, scaled by ten to the `power`, and right to within `half_step`; `sign` is -1 or 1 where one is printed.

    `text[start:end]` is all that belongs to it. `currencies` are those that its sign or word can mean; none when it has none.
    `names_window` is 1 for a number that is part of a name (50-day, RSI(14)), 2 for one that may be (20 days).
    `points` is True of percentage points and of mere points, False of percent, and None of all else: basis points are said of both.
    A spelled-out number has no value: it cannot be checked. `in_range` is the other way to read the first number of a range.
    """

    start: int
    end: int
    value: Decimal | None
    half_step: Decimal = Decimal(0)
    power: int = 0
    sign: int | None = None
    percent: bool = False
    points: bool | None = None
    currencies: tuple[str, ...] = ()
    in_parentheses: bool = False
    names_window: int = 0
    in_range: PrintedNumber | None = None


def same_digits(text: str) -> str:
    """The text with every digit, minus and percent sign of whatever script as ASCII; of the same length."""
    return "".join(_ascii(letter) for letter in text).translate(_SAME)


def printed_numbers(text: str) -> list[PrintedNumber]:
    """Every number in `same_digits(text)`, in order, that has to be proven."""
    hidden = _without(text, [match.span() for match in CITATION.finditer(text)])
    shown = _without(hidden, left_alone(hidden))
    found = [_number(match, shown, text) for match in _NUMBER.finditer(shown)]
    found += [PrintedNumber(*match.span(), None) for match in _SPELLED.finditer(shown)]
    return list(_with_ranges(sorted(found, key=lambda one: one.start), shown))


def _ascii(letter: str) -> str:
    if letter.isascii():
        return letter
    digit = unicodedata.digit(letter, None)
    if digit is not None:
        return str(digit)
    # ½ and Ⅻ are numbers that have no digit; 一 is one too, and a word as often. None is left unseen: 0 agrees with no fact.
    return "0" if unicodedata.category(letter) in {"No", "Nl"} else letter


def _without(text: str, spans: list[tuple[int, int]]) -> str:
    """Spans made blank, so that every other place stays where it is. A mark stands for them: nothing joins across it."""
    parts, at = [], 0
    for start, end in sorted(spans):
        if end > at:
            parts.append(text[at : max(start, at)])
            parts.append("\x00" * (end - max(start, at)))
            at = end
    return "".join(parts) + text[at:]


def _number(match: re.Match[str], shown: str, text: str) -> PrintedNumber:
    digits = match["digits"].replace(",", "")
    power = _SCALES[match["scale"].lower()] if match["scale"] else 0
    power += int(match["exponent"][1:]) if match["exponent"] else 0
    percent = (match["percent"] or "").lower()
    points = percent.startswith(("percentage", "point", "pp")) or percent.endswith("百分点") if percent else None
    if percent.startswith(("bps", "basis")) or percent.endswith("基点"):
        power, points = power - 2, None
    elif percent == "‰":
        power -= 1
    decimals = len(digits.partition(".")[2])
    sign = match["sign"] or match["inner"]
    return PrintedNumber(
        start=match.start(),
        end=match.end(),
        value=Decimal(digits).scaleb(power),
        half_step=Decimal(5).scaleb(power - decimals - 1),
        power=power,
        sign=None if sign is None else 1 if sign == "+" else -1,
        percent=bool(percent) and not percent.startswith("point"),
        points=points,
        currencies=_currencies(match["before"]) or _currencies(match["after"]),
        in_parentheses=shown[match.start() - 1 : match.start()] in {"(", "（"}
        and shown[match.end() :][:1] in {")", "）"},
        names_window=_names_window(match, shown),
    )


def _currencies(word: str | None) -> tuple[str, ...]:
    if not word:
        return ()
    name = word.strip().lower().removeprefix("us ").rstrip("s")
    return _CURRENCIES.get(name, ())


def _names_window(match: re.Match[str], shown: str) -> int:
    if match["sign"] or match["before"] or match["percent"] or "." in match["digits"]:
        return 0
    window = _WINDOW.match(shown, match.end())
    end = match.end() if window is None else window.end()
    if _INDICATOR.search(shown[max(match.start() - 24, 0) : match.start()]) and shown[end : end + 1] in {
        ")",
        "）",
        ",",
    }:
        return 1
    if window is None:
        return 0
    return 1 if window["hyphen"] or window["chinese"] in {"日", "周"} else 2


def _with_ranges(found: list[PrintedNumber], shown: str) -> Iterator[PrintedNumber]:
    """In "3–5 %" and "4 to 5 billion dollars" the first number may be of the second one's kind."""
    for index, number in enumerate(found):
        after = found[index + 1] if index + 1 < len(found) else None
        is_range = after is not None and after.sign is None and _RANGE.fullmatch(shown[number.end : after.start])
        if after is None or not is_range or number.value is None or number.percent or number.power:
            yield number
            continue
        as_the_second = replace(
            number,
            value=number.value.scaleb(after.power),
            half_step=number.half_step.scaleb(after.power),
            power=after.power,
            percent=after.percent,
            points=after.points,
            currencies=number.currencies or after.currencies,
        )
        yield replace(number, in_range=as_the_second)
