"""Whether a sentence says a fact's number of something else: net income under the id of revenue, a year under the id of a quarter.

It looks for a contradiction only, so that words which nobody thought of refuse no true sentence: the words before the number name
a known thing, and the sentence nowhere names the thing of the fact.
"""

from __future__ import annotations

import re

from functions.research.facts import Fact

# By the beginning of the fact's id; the first that fits.
_THINGS = {
    "edgar.revenue": r"revenues?\b|\bsales\b|turnover|top[ -]line|营收|收入|销售",
    "edgar.operating_income": r"\boperat(?:ing|ions)\b|\bEBIT\b|营业利润|经营利润|运营利润",
    "edgar.net_income": r"(?<!operating )\bincome\b|profits?\b|earnings|\bearned\b|\blos(?:s|ses|t|es|ing)\b|利润|净利|盈利|亏|赚",
    "edgar.eps": r"\bEPS\b|\b(?:per|a)[ -]share\b|earnings|每股",
    "edgar.cash": r"\bcash\b|liquidity|现金",
    "edgar.assets": r"\bassets\b|balance sheet|资产",
    "edgar.liabilities": r"liabilit|\bdebts?\b|\bow(?:es|ed)\b|负债|债务",
    "edgar.equity": r"\bequity\b|book value|权益|净资产",
    "price.rsi": r"\bRSI\b|relative strength|相对强弱",
    "price.macd": r"\bMACD\b|histogram|signal line|信号线|柱",
    "price.bollinger_upper": r"\bupper\b[\w ]*\bband\b|\bbands\b|上轨|布林",
    "price.bollinger_lower": r"\blower\b[\w ]*\bband\b|\bbands\b|下轨|布林",
    "price.sma": r"average|\bS?MA\b|均线|平均",
    "fred.DGS10": r"treasur|\byields?\b|\b(?:10|ten)[ -]year\b|国债|美债|收益率",
    "fred.FEDFUNDS": r"\bfed\b|federal funds|policy rate|short-term|interest|\brates\b|联邦基金|利率",
    "fred.UNRATE": r"unemployment|jobless|失业",
    "fred.CPIAUCSL": r"\bCPI\b|consumer price|inflation|price index|消费者|物价|通胀",
}  # fmt: skip
_NAMED = {beginning: re.compile(names, re.IGNORECASE | re.ASCII) for beginning, names in _THINGS.items()}
_QUARTER = re.compile(r"quarter|\bQ[1-4]|three months|季|三个月", re.IGNORECASE)
_YEAR = re.compile(r"year|annual|fiscal|\bFY|twelve months|12 months|年", re.IGNORECASE)
_WHOLE_YEAR = re.compile(
    r"full[ -](?:fiscal[ -])?year|whole year|annual (?:revenue|sales|profit|net|operating)|全年", re.IGNORECASE
)
_AVERAGE = re.compile(
    r"(\d+)(?:-day (?:simple |exponential )?(?:moving )?(?:average|SMA|EMA|MA)\b|\s?日(?:简单)?(?:移动平均|均线))",
    re.IGNORECASE | re.ASCII,
)


def is_of_something_else(fact: Fact, before: str, after: str, sentence: str) -> bool:
    """`before` and `after` are what stands between the number and its neighbours; `sentence` the whole one, without citations."""
    return (
        _other_thing(fact, before, sentence)
        or _other_period(fact, before, sentence)
        or _other_average(fact, _AVERAGE.findall(after)[:1] or _AVERAGE.findall(before))
    )


def _other_thing(fact: Fact, before: str, sentence: str) -> bool:
    own = next((names for beginning, names in _NAMED.items() if fact.fact_id.startswith(beginning)), None)
    if own is None or not any(names.search(before) for names in _NAMED.values()):
        return False
    return own.search(sentence) is None


def _other_period(fact: Fact, before: str, sentence: str) -> bool:
    """Of the filings' facts; their ids say which one."""
    if "_quarter" in fact.fact_id:
        return bool(_WHOLE_YEAR.search(before)) and not _QUARTER.search(sentence)
    return "_year" in fact.fact_id and bool(_QUARTER.search(before)) and not _YEAR.search(sentence)


def _other_average(fact: Fact, named: list[tuple[str, ...]]) -> bool:
    own = set(_AVERAGE.findall(fact.label))
    return bool(own and named) and not own & set(named)
