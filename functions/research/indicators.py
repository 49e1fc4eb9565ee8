"""Technical indicators in plain Python, as TA-Lib computes them: the tests hold them to its values within 1e-9.

Each function takes values in rising order of days and returns a list of the same length: None until there is enough to go by.
Averages of gains, losses and ranges are Wilder's. Inputs are finite floats; a period is at least 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log, sqrt

TRADING_DAYS_A_YEAR = 252
BOLLINGER_DDOF = 0

Values = Sequence[float]
Line = list[float | None]


@dataclass(frozen=True, slots=True)
class Macd:
    """Line, signal and their difference, all from the first day on which the signal exists, as TA-Lib has it."""

    line: Line
    signal: Line
    histogram: Line


@dataclass(frozen=True, slots=True)
class Bands:
    """Bollinger bands around a simple average."""

    upper: Line
    middle: Line
    lower: Line


def sma(values: Values, period: int) -> Line:
    """Simple moving average."""
    return [None if end < period else sum(values[end - period : end]) / period for end in range(1, len(values) + 1)]


def ema(values: Values, period: int) -> Line:
    """Exponential moving average with weight 2 / (period + 1), begun with the simple average of the first `period` values."""
    return _ema(values, period, start=0)


def rsi(values: Values, period: int = 14) -> Line:
    """Relative strength index, 0 to 100; 0 when nothing moved at all, as TA-Lib has it."""
    changes = [after - before for before, after in pairwise(values)]
    gains = _wilder([max(change, 0.0) for change in changes], period)
    losses = _wilder([max(-change, 0.0) for change in changes], period)
    line: Line = [None]
    for gain, loss in zip(gains, losses, strict=True):
        if gain is None or loss is None:
            line.append(None)
        else:
            line.append(100 * gain / (gain + loss) if gain + loss else 0.0)
    return line[: len(values)]


def macd(values: Values, fast: int = 12, slow: int = 26, signal: int = 9) -> Macd:
    """Difference of two exponential averages, both begun on the day on which the slow one is."""
    fast_line = _ema(values, fast, start=slow - fast)
    slow_line = ema(values, slow)
    line = [None if one is None or two is None else one - two for one, two in zip(fast_line, slow_line, strict=True)]
    known = [value for value in line if value is not None]
    empty: Line = [None] * (len(values) - len(known))
    signals = empty + ema(known, signal)
    differences: Line = []
    for index, (one, two) in enumerate(zip(line, signals, strict=True)):
        differences.append(None if one is None or two is None else one - two)
        if two is None:
            line[index] = None
    return Macd(line, signals, differences)


def bollinger(values: Values, period: int = 20, deviations: float = 2.0, ddof: int = BOLLINGER_DDOF) -> Bands:
    """Average plus and minus so many standard deviations. `ddof` 0 divides by the period (TA-Lib), 1 by one less (pandas)."""
    middle = sma(values, period)
    upper: Line = []
    lower: Line = []
    for index, average in enumerate(middle):
        if average is None:
            upper.append(None)
            lower.append(None)
            continue
        part = values[index + 1 - period : index + 1]
        spread = deviations * sqrt(sum((value - average) ** 2 for value in part) / (period - ddof))
        upper.append(average + spread)
        lower.append(average - spread)
    return Bands(upper, middle, lower)


def atr(high: Values, low: Values, close: Values, period: int = 14) -> Line:
    """Average true range, in the unit of the prices."""
    ranges = [
        max(top - bottom, abs(top - before), abs(bottom - before))
        for top, bottom, before in zip(high[1:], low[1:], close, strict=False)
    ]
    start: Line = [None]
    return (start + _wilder(ranges, period))[: len(close)]


def volatility_percent(values: Values, period: int = 20) -> Line:
    """Standard deviation (ddof 1) of the last `period` daily log returns, for a year of 252 days, in percent."""
    returns = [log(after / before) for before, after in pairwise(values)]
    line: Line = [None] * min(period, len(values))
    for end in range(period, len(returns) + 1):
        part = returns[end - period : end]
        average = sum(part) / period
        variance = sum((value - average) ** 2 for value in part) / (period - 1)
        line.append(100 * sqrt(variance * TRADING_DAYS_A_YEAR))
    return line


def drawdown_percent(values: Values) -> list[float]:
    """How far each value lies below the highest one until then, in percent: zero or negative."""
    line, highest = [], values[0] if values else 0.0
    for value in values:
        highest = max(highest, value)
        line.append(100 * (value / highest - 1))
    return line


def return_percent(values: Values, period: int) -> Line:
    """Change against the value `period` days earlier, in percent."""
    return [
        None if index < period else 100 * (value / values[index - period] - 1) for index, value in enumerate(values)
    ]


def _ema(values: Values, period: int, start: int) -> Line:
    first = start + period
    if len(values) < first:
        return [None] * len(values)
    average = sum(values[start:first]) / period
    line: Line = [None] * (first - 1)
    line.append(average)
    weight = 2 / (period + 1)
    for value in values[first:]:
        average += weight * (value - average)
        line.append(average)
    return line


def _wilder(values: Values, period: int) -> Line:
    if len(values) < period:
        return [None] * len(values)
    average = sum(values[:period]) / period
    line: Line = [None] * (period - 1)
    line.append(average)
    for value in values[period:]:
        average = (average * (period - 1) + value) / period
        line.append(average)
    return line
