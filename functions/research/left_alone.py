"""Digits that are no claim of a value: dates, numbering, names."""

from __future__ import annotations

import re

_MONTH = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?"
    r"|Nov(?:ember)?|Dec(?:ember)?)\.?"
)
_YEAR = r"(?:19|20)\d{2}"
_NO_VALUE = (
    r"(?![\d]|[.,]\d|\s?%|\s(?:per[ -]?cent|thousand|million|billion|trillion|shares|USD|dollars|points)"
    r"|\s?(?:美元|元|亿|万|倍))"
)
_PATTERNS = (
    # Dates and times
    rf"(?<!\d){_YEAR}-\d{{1,2}}-\d{{1,2}}(?!\d)",
    rf"(?<!\d)(?:{_YEAR}/\d{{1,2}}/\d{{1,2}}|\d{{1,2}}/\d{{1,2}}/{_YEAR})(?!\d)",
    rf"(?<!\d)\d{{1,2}}(?:st|nd|rd|th)?\s(?:of\s)?{_MONTH}(?:,?\s{_YEAR})?(?!\w)",
    rf"\b{_MONTH}\s\d{{1,2}}(?:st|nd|rd|th)?(?:\s?[-–]\s?\d{{1,2}})?(?:,?\s{_YEAR})?(?!\w){_NO_VALUE}",
    rf"\b{_MONTH},?\s{_YEAR}{_NO_VALUE}",
    rf"{_YEAR}\s?年(?:\s?\d{{1,2}}\s?月(?:\s?\d{{1,2}}\s?日)?)?",
    r"\d{1,2}\s?月\s?\d{1,2}\s?日|(?<![\d.个])\d{1,2}\s?月(?:份|初|中|底|末)",
    r"\b\d{1,2}:\d{2}(?::\d{2})?\b",
    rf"\b(?:Q[1-4]|[1-4]Q|H[12]|[12]H|FY|CY)(?:\s?['’]?(?:{_YEAR}|\d{{2}}))?\b{_NO_VALUE}",
    rf"\b{_YEAR}\s?(?:Q[1-4]|H[12])\b",
    rf"(?i:\b(?:in|during|since|fiscal|calendar|year|until|early|late|mid|end[ -]of|financial year))[\s-]{_YEAR}(?!\w){_NO_VALUE}",
    rf"(?i:\b(?:the|its|full|{_MONTH}))\s{_YEAR}\s(?:fiscal|calendar|annual|full|10-K|filing|report|results|holiday)\b",
    rf"(?<!\d){_YEAR}\s?(?:财年|财政年度|日历年|上半年|下半年)",
    rf"(?i:\b(?:from|to|of|by|through|before|after|and|for))\s{_YEAR}(?!\w){_NO_VALUE}(?![.,]?\s?\x00|\s?[A-Za-z]*[.,]?\s?\x00)",
    rf"\({_YEAR}\)|\b{_YEAR}['’]s\b|\b{_YEAR}s\b|(?<![\d.,$]){_YEAR}[-–/](?:{_YEAR}|\d{{2}})(?!\d|[.,]\d|\s?%)",
    # Numbering
    r"(?m:^[ \t>*#|\-•]*(?:\*\*)?[(（]?\d{1,2}[.)）、](?!\d))",
    r"(?i:\b(?:step|scenario|case|point|section|part|round|phase|figure|table|item|note|option))\s\d{1,2}\b" + _NO_VALUE,
    r"\b\d{1,3}(?:st|nd|rd|th)\b|第\s?\d{1,3}",
    # Names
    r"\b(?:10-?[KQ]|8-?K|20-?F|6-?K|40-?F|13[DFG]|S-\d|DEF 14A)(?:/A)?\b|\bForm\s\d{1,3}(?:-[A-Z])?\b",
    r"(?:S&P|Nasdaq|NASDAQ|Russell|FTSE|CSI|Nikkei|STOXX|Dow|CAC|DAX|标普|纳斯达克|罗素|沪深|上证|中证)[- ]?\d{2,4}\b" + _NO_VALUE,
    r"\b(?!(?:USD|EUR|GBP|CNY|RMB|JPY|HKD|US)\d)[A-Za-z]+\d+[A-Za-z0-9]*\b" + _NO_VALUE,
    r"\b(?!(?:USD|EUR|GBP|CNY|RMB|JPY|HKD)-)[A-Z]{2,}-\d{1,3}\b" + _NO_VALUE,
)  # fmt: skip
_LEFT_ALONE = tuple(re.compile(pattern, re.ASCII) for pattern in _PATTERNS)


def left_alone(text: str) -> list[tuple[int, int]]:
    """Their places. Citations of the text are already blanked with NUL characters."""
    return [match.span() for pattern in _LEFT_ALONE for match in pattern.finditer(text)]
