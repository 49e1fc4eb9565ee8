"""Finds buy and sell lines. A report supports research: it tells nobody what to do with a share."""

from __future__ import annotations

import re

_ACT = r"(?:buy|sell|hold|short|accumulate|overweight|underweight|outperform|underperform|market[ -]perform)"
_PATTERNS = (
    rf"\b(?:recommendation|rating|verdict|action|signal|call|decision|proposal|stance|conclusion)[\s*]*[:=–][\s*]*(?:strong\s)?{_ACT}\b",
    r"\bstrong\s(?:buy|sell)\b(?!-)",
    rf"\b(?:we|i)\s(?:would\s|strongly\s|therefore\s)*(?:recommend|suggest|advise|rate)\b[^.\n]{{0,60}}\b{_ACT}(?:ing)?\b",
    r"\b(?:recommend(?:s|ed)?|suggest(?:s|ed)?|advis(?:e|es|ed))\s(?:to\s)?(?:buy|sell|short|hold)(?:ing)?\b",
    r"\b(?:investors?|traders?|you|holders?|one)\s(?:should|must|ought to|may want to)\s(?:not\s)?(?:consider\s)?"
    r"(?:buy|sell|hold|short|avoid|accumulate|exit|trim|add|take profits?)(?:ing)?\b",
    r"\b(?:is|as|remains?|rated)\s(?:an?\s)?(?:clear\s|strong\s)?(?:buy|sell|hold|overweight|underweight)\b"
    r"(?![ -](?:side|off|back|out))",
    r"\b(?:buy|sell|short)\s(?:now|the\s(?:stock|shares?|dip)|this\s(?:stock|share)|on\sweakness|into\sstrength)\b",
    r"\bprice[ -]target\b|\btarget\sprice\b|\bstop[ -]loss\b|\btake[ -]profit\b",
    r"(?:建议|推荐|应当?|宜)(?:投资者|您|大家)?(?:逢[低高])?(?:买入|卖出|持有|增持|减持|做空|抄底|加仓|减仓|清仓|观望)"
    r"|(?:强烈)?(?:买入|卖出|增持|减持)(?:评级|建议|信号)|(?:评级|建议|结论|操作)\s*[:：]\s*\**(?:强烈)?(?:买入|卖出|持有|增持|减持|观望)|目标价|止损位|止盈",
)  # fmt: skip
_RECOMMENDATION = re.compile("|".join(f"(?:{pattern})" for pattern in _PATTERNS), re.IGNORECASE | re.ASCII)


def recommendations(text: str) -> list[tuple[int, int]]:
    """The places of every buy or sell line."""
    return [match.span() for match in _RECOMMENDATION.finditer(text)]
