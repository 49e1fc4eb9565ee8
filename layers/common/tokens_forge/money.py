"""Money: an integer amount of nano (1e-9) in one currency.

There is no float and no Decimal here. Adding two currencies raises: a routed amount can never leak into an official one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

NANO_PER_UNIT = 1_000_000_000
_DECIMAL = re.compile(r"(-?)([0-9]{1,15})(?:\.([0-9]{1,9}))?")
_CURRENCY = re.compile(r"[A-Z]{3}")


class CurrencyMismatch(ValueError):
    """Two amounts of different currencies met in one sum or comparison."""


@dataclass(frozen=True, slots=True)
class Money:
    """`nano` is the amount in 1e-9 of one unit of `currency` (ISO 4217 letters)."""

    nano: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.nano) is not int:
            raise TypeError(f"an amount is an integer of nano, not {type(self.nano).__name__}")
        if not _CURRENCY.fullmatch(self.currency):
            raise ValueError(f"not a currency code: {self.currency!r}")

    @classmethod
    def parse(cls, text: str, currency: str) -> Money:
        """Read a decimal string such as `12.50`. Raises ValueError on anything else, also on more than 9 decimals."""
        match = _DECIMAL.fullmatch(text)
        if match is None:
            raise ValueError(f"not a decimal amount: {text!r}")
        sign, whole, fraction = match.group(1), match.group(2), match.group(3) or ""
        nano = int(whole) * NANO_PER_UNIT + int(fraction.ljust(9, "0"))
        return cls(-nano if sign else nano, currency)

    def _other(self, other: Money) -> int:
        if other.currency != self.currency:
            raise CurrencyMismatch(f"{self.currency} met {other.currency}")
        return other.nano

    def __add__(self, other: Money) -> Money:
        return Money(self.nano + self._other(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.nano - self._other(other), self.currency)

    def __neg__(self) -> Money:
        return Money(-self.nano, self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.nano < self._other(other)

    def __le__(self, other: Money) -> bool:
        return self.nano <= self._other(other)

    def __str__(self) -> str:
        return decimal(self.nano)


def decimal(nano: int) -> str:
    """The amount as a decimal string with at least two and at most nine decimals: 1_500_000_000 is `1.50`."""
    sign = "-" if nano < 0 else ""
    whole, fraction = divmod(abs(nano), NANO_PER_UNIT)
    digits = f"{fraction:09d}".rstrip("0").ljust(2, "0")
    return f"{sign}{whole}.{digits}"
