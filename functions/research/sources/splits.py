"""Tells a share split from a bad day, by the ratio of two closes."""

from __future__ import annotations

from decimal import Decimal

_RATIOS = {
    Decimal(new) / Decimal(old): f"{new}:{old}"
    for new, old in ((2, 1), (3, 1), (4, 1), (5, 1), (7, 1), (10, 1), (20, 1), (50, 1))
}
_NEAR = Decimal("0.03")


def looks_like_split(before: Decimal, after: Decimal) -> str | None:
    """`4:1` when the close fell to about a quarter overnight, `1:4` when it rose to four times; None for an ordinary day.

    A day that halves or doubles the price without a split is rare enough to ask about.
    """
    for ratio, name in _RATIOS.items():
        new, old = name.split(":")
        if abs(before / after / ratio - 1) <= _NEAR:
            return name
        if abs(after / before / ratio - 1) <= _NEAR:
            return f"{old}:{new}"
    return None
