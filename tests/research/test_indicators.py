"""Indicators are TA-Lib's, to the ninth decimal; the rest is held to values worked out by hand."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from functions.research import indicators
from functions.research.indicators import Line

FROZEN: dict[str, Any] = json.loads((Path(__file__).parent / "fixtures" / "talib.json").read_text())["series"]
CLOSE_ENOUGH = 1e-9


def agree(ours: Line, theirs: Sequence[float | None]) -> None:
    assert len(ours) == len(theirs)
    for index, (one, two) in enumerate(zip(ours, theirs, strict=True)):
        if one is None or two is None:
            assert one is two, f"day {index}: {one} against {two}"
        else:
            assert abs(one - two) <= CLOSE_ENOUGH, f"day {index}: {one} against {two}"


@pytest.mark.parametrize("name", FROZEN)
def test_averages_equal_talib(name: str) -> None:
    frozen = FROZEN[name]
    agree(indicators.sma(frozen["close"], 20), frozen["sma_20"])
    agree(indicators.ema(frozen["close"], 12), frozen["ema_12"])


@pytest.mark.parametrize("name", FROZEN)
def test_rsi_equals_talib(name: str) -> None:
    agree(indicators.rsi(FROZEN[name]["close"]), FROZEN[name]["rsi_14"])


@pytest.mark.parametrize("name", FROZEN)
def test_macd_equals_talib(name: str) -> None:
    frozen = FROZEN[name]
    ours = indicators.macd(frozen["close"])
    agree(ours.line, frozen["macd"])
    agree(ours.signal, frozen["macd_signal"])
    agree(ours.histogram, frozen["macd_histogram"])


@pytest.mark.parametrize("name", FROZEN)
def test_bollinger_equals_talib_which_divides_by_the_period(name: str) -> None:
    frozen = FROZEN[name]
    ours = indicators.bollinger(frozen["close"])
    agree(ours.upper, frozen["bollinger_upper"])
    agree(ours.middle, frozen["bollinger_middle"])
    agree(ours.lower, frozen["bollinger_lower"])


@pytest.mark.parametrize("name", FROZEN)
def test_average_true_range_and_returns_equal_talib(name: str) -> None:
    frozen = FROZEN[name]
    agree(indicators.atr(frozen["high"], frozen["low"], frozen["close"]), frozen["atr_14"])
    agree(indicators.return_percent(frozen["close"], 21), frozen["return_21"])


def test_the_other_ddof_gives_wider_bands() -> None:
    values = [1.0, 2.0, 3.0, 4.0]
    assert indicators.bollinger(values, 4, ddof=1).upper[-1] == pytest.approx(2.5 + 2 * math.sqrt(5 / 3))
    assert indicators.bollinger(values, 4).upper[-1] == pytest.approx(2.5 + 2 * math.sqrt(5 / 4))


def test_volatility_is_the_yearly_deviation_of_log_returns() -> None:
    values = [100.0, 110.0, 99.0, 108.9]
    returns = [math.log(1.1), math.log(0.9), math.log(1.1)]
    average = sum(returns) / 3
    deviation = math.sqrt(sum((value - average) ** 2 for value in returns) / 2)
    assert indicators.volatility_percent(values, 3) == [
        None,
        None,
        None,
        pytest.approx(100 * deviation * math.sqrt(252)),
    ]


def test_drawdown_is_measured_from_the_highest_value_until_then() -> None:
    assert indicators.drawdown_percent([100.0, 80.0, 120.0, 90.0]) == pytest.approx([0.0, -20.0, 0.0, -25.0])


@pytest.mark.parametrize("length", [0, 1, 2, 13])
def test_too_few_days_give_nothing_and_no_fault(length: int) -> None:
    values = [100.0 + day for day in range(length)]
    for line in (
        indicators.sma(values, 14),
        indicators.ema(values, 14),
        indicators.rsi(values),
        indicators.macd(values).histogram,
        indicators.bollinger(values).upper,
        indicators.atr(values, values, values),
        indicators.volatility_percent(values),
        indicators.return_percent(values, 14),
    ):
        assert line == [None] * length
    assert len(indicators.drawdown_percent(values)) == length
