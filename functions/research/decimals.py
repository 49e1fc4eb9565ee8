"""Decimal numbers as text: one spelling for one value, so that equal data has equal bytes."""

from __future__ import annotations

from decimal import Decimal

PLACES = Decimal("0.0001")


def plain(value: Decimal) -> str:
    """Without exponent and without trailing zeros: 1E+2 and 100.0 are both `100`, and there is no -0."""
    text = format(value.normalize(), "f")
    return "0" if text in {"-0", "0"} else text


def computed(value: float) -> Decimal:
    """A computed value, at the four decimals that facts have."""
    return Decimal(value).quantize(PLACES)
