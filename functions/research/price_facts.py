"""Facts that are computed from one price series: returns, averages, momentum, range, risk."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from functions.research import indicators
from functions.research.decimals import computed, plain
from functions.research.facts import Fact, Unit
from functions.research.indicators import BOLLINGER_DDOF
from functions.research.sources.port import PriceSeries
from functions.research.words import SourceName, Window

RETURN_DAYS = (1, 5, 21, 63, 126, 252)
AVERAGE_DAYS = (20, 50, 200)
YEAR_DAYS = 252


@dataclass(frozen=True, slots=True)
class _Maker:
    series: PriceSeries
    source: SourceName

    def _fact(self, fact_id: str, label: str, value: Decimal | float, unit: Unit, days: int) -> Fact:
        """A fact over the last so many days."""
        rows = self.series.rows
        return Fact(
            fact_id=fact_id,
            label=label,
            value=plain(value if isinstance(value, Decimal) else computed(value)),
            unit=unit,
            source=self.source,
            window=Window(rows[max(len(rows) - days, 0)].day, rows[-1].day),
            currency=self.series.currency if unit is Unit.MONEY else None,
        )

    def facts(self) -> Iterator[Fact]:
        yield from self._last_day()
        yield from self._returns()
        yield from self._averages()
        yield from self._momentum()
        yield from self._risk()
        yield from self._volume()

    def _last_day(self) -> Iterator[Fact]:
        rows = self.series.rows
        last, year = rows[-1], rows[-YEAR_DAYS:]
        over = "52 weeks" if len(rows) >= YEAR_DAYS else "the whole series"
        yield self._fact("price.close", "close", last.close, Unit.MONEY, 1)
        yield self._fact(
            "price.high_year", f"highest close in {over}", max(row.close for row in year), Unit.MONEY, YEAR_DAYS
        )
        yield self._fact(
            "price.low_year", f"lowest close in {over}", min(row.close for row in year), Unit.MONEY, YEAR_DAYS
        )
        yield self._fact("price.days", "trading days in the series", Decimal(len(rows)), Unit.NUMBER, len(rows))

    def _returns(self) -> Iterator[Fact]:
        for days in RETURN_DAYS:
            change = indicators.return_percent(self._closes, days)[-1]
            if change is not None:
                label = f"change of the close over {days} trading day{'s' if days > 1 else ''}"
                yield self._fact(f"price.return_{days}d", label, change, Unit.CHANGE_PERCENT, days + 1)

    def _averages(self) -> Iterator[Fact]:
        for days in AVERAGE_DAYS:
            average = indicators.sma(self._closes, days)[-1]
            if average is not None:
                yield self._fact(f"price.sma_{days}", f"{days}-day simple moving average", average, Unit.MONEY, days)
                yield self._fact(
                    f"price.to_sma_{days}",
                    f"close against its {days}-day simple moving average",
                    100 * (self._closes[-1] / average - 1),
                    Unit.CHANGE_PERCENT,
                    days,
                )

    def _momentum(self) -> Iterator[Fact]:
        count = len(self._closes)
        strength = indicators.rsi(self._closes)[-1]
        if strength is not None:
            yield self._fact("price.rsi_14", "RSI (14 days)", strength, Unit.NUMBER, count)
        macd = indicators.macd(self._closes)
        for name, label, line in (
            ("macd", "MACD (12, 26)", macd.line),
            ("macd_signal", "signal line of MACD (9)", macd.signal),
            ("macd_histogram", "MACD less its signal line", macd.histogram),
        ):
            if line[-1] is not None:
                yield self._fact(f"price.{name}", label, line[-1], Unit.NUMBER, count)
        bands = indicators.bollinger(self._closes)
        for name, line in (("upper", bands.upper), ("lower", bands.lower)):
            if line[-1] is not None:
                label = f"{name} Bollinger band (20 days, 2 deviations, ddof {BOLLINGER_DDOF})"
                yield self._fact(f"price.bollinger_{name}", label, line[-1], Unit.MONEY, 20)

    def _risk(self) -> Iterator[Fact]:
        rows = self.series.rows
        high, low = [float(row.high) for row in rows], [float(row.low) for row in rows]
        average_range = indicators.atr(high, low, self._closes)[-1]
        if average_range is not None:
            yield self._fact("price.atr_14", "average true range (14 days)", average_range, Unit.MONEY, len(rows))
        for days in (20, 60):
            volatility = indicators.volatility_percent(self._closes, days)[-1]
            if volatility is not None:
                label = f"volatility of {days} days, for a year"
                yield self._fact(f"price.volatility_{days}d", label, volatility, Unit.PERCENT, days + 1)
        falls = indicators.drawdown_percent(self._closes)
        label = "close against the highest close of the series"
        yield self._fact("price.drawdown", label, falls[-1], Unit.CHANGE_PERCENT, len(rows))
        yield self._fact(
            "price.drawdown_max", "largest drawdown of the series", min(falls), Unit.CHANGE_PERCENT, len(rows)
        )

    def _volume(self) -> Iterator[Fact]:
        volumes = [row.volume for row in self.series.rows[-20:]]
        known = [volume for volume in volumes if volume is not None]
        if volumes[-1] is not None:
            yield self._fact("price.volume", "shares traded", volumes[-1], Unit.NUMBER, 1)
        if len(known) == 20:
            average = (sum(known, Decimal()) / 20).quantize(Decimal(1))
            yield self._fact("price.volume_20d", "shares traded a day, average of 20 days", average, Unit.NUMBER, 20)

    @property
    def _closes(self) -> list[float]:
        return [float(row.close) for row in self.series.rows]


def price_facts(series: PriceSeries, source: SourceName) -> tuple[Fact, ...]:
    """Every fact that the series is long enough for."""
    return tuple(_Maker(series, source).facts())
