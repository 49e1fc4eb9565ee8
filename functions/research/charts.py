"""Charts as SVG: plain strings, in the colours of the page around them, the same for the same data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from html import escape
from itertools import groupby
from math import ceil, floor, log10

from functions.research.indicators import Line

WIDTH, HEIGHT = 760, 260
LEFT, RIGHT, TOP, BOTTOM = 8, 58, 10, 24
PIXELS_BETWEEN_LINES = 40
LEGEND = 18
DATE_MARKS = 5


@dataclass(frozen=True, slots=True)
class Curve:
    """One line of a chart. `style` is the CSS class that gives it its colour; None values are gaps."""

    name: str
    style: str
    values: Line


@dataclass(frozen=True, slots=True)
class Scale:
    """Where a day and a value lie on the picture."""

    count: int
    low: float
    high: float
    height: int
    top: int

    def x(self, index: int) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (index / max(self.count - 1, 1))

    def y(self, value: float) -> float:
        share = (value - self.low) / ((self.high - self.low) or 1)
        return self.top + (self.height - self.top - BOTTOM) * (1 - share)


def line_chart(
    title: str, days: Sequence[date], curves: Sequence[Curve], *, height: int = HEIGHT, levels: Sequence[float] = ()
) -> str:
    """Curves over days, with a legend when there are several. `levels` are dashed lines that stand in for the grid."""
    values = [value for curve in curves for value in curve.values if value is not None] + list(levels)
    low, high = min(values), max(values)
    margin = (high - low) * 0.04 or abs(high) * 0.04 or 1
    has_legend = len(curves) > 1
    scale = Scale(len(days), low - margin, high + margin, height, TOP + (LEGEND if has_legend else 0))
    parts = [
        f'<svg class="chart" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}"'
        ' xmlns="http://www.w3.org/2000/svg">',
        f"<title>{escape(title)}</title>",
        *(_lines(scale, levels, "level", 0) if levels else _grid(scale)),
        *_dates(scale, days),
    ]
    parts += [f'<path class="curve {escape(curve.style)}" d="{_path(scale, curve.values)}"/>' for curve in curves]
    if has_legend:
        parts += _legend(curves)
    return "".join([*parts, "</svg>"])


def _path(scale: Scale, values: Line) -> str:
    pieces = []
    for is_gap, run in groupby(enumerate(values), key=lambda one: one[1] is None):
        if not is_gap:
            points = [f"{scale.x(index):.1f} {scale.y(value):.1f}" for index, value in run if value is not None]
            pieces.append("M" + "L".join(points))
    return "".join(pieces)


def _grid(scale: Scale) -> list[str]:
    """At round values, so many that they can be read."""
    step = _round_step((scale.high - scale.low) / (scale.height / PIXELS_BETWEEN_LINES))
    decimals = max(-floor(log10(step) + 1e-9), 0)
    values = [number * step for number in range(ceil(scale.low / step), floor(scale.high / step) + 1)]
    return _lines(scale, values, "grid", decimals)


def _lines(scale: Scale, values: Sequence[float], style: str, decimals: int) -> list[str]:
    parts = []
    for value in values:
        y = f"{scale.y(value):.1f}"
        parts.append(f'<line class="{style}" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"/>')
        shown = f"{value:,.{decimals}f}"
        parts.append(f'<text class="axis" x="{WIDTH - RIGHT + 6}" y="{scale.y(value) + 4:.1f}">{shown}</text>')
    return parts


def _round_step(least: float) -> float:
    """The smallest of 1, 2 and 5 times a power of ten that is not below `least`."""
    power = 10.0 ** floor(log10(least))
    return next((power * times for times in (1, 2, 5) if power * times >= least), power * 10)


def _dates(scale: Scale, days: Sequence[date]) -> list[str]:
    marks = sorted({round((len(days) - 1) * number / (DATE_MARKS - 1)) for number in range(DATE_MARKS)})
    parts = []
    for index in marks:
        anchor = "start" if index == 0 else "end" if index == len(days) - 1 else "middle"
        parts.append(
            f'<text class="axis" text-anchor="{anchor}" x="{scale.x(index):.1f}" y="{scale.height - 6}">{days[index]}</text>'
        )
    return parts


def _legend(curves: Sequence[Curve]) -> list[str]:
    parts, x = [], LEFT + 6
    for curve in curves:
        parts.append(
            f'<line class="curve {escape(curve.style)}" x1="{x}" x2="{x + 16}" y1="{TOP + 6}" y2="{TOP + 6}"/>'
        )
        parts.append(f'<text class="axis" x="{x + 21}" y="{TOP + 10}">{escape(curve.name)}</text>')
        x += 40 + 7 * len(curve.name)
    return parts
