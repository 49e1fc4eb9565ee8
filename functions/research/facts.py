"""A fact: one value of the snapshot that a text may state, under an id that the text must cite.

A citation is written `[f:ID]` behind the number it proves; several in one bracket are parted by commas, in the order of the
numbers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from functions.research.words import SourceName, Window

FACT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,63}")


class Unit(StrEnum):
    """What a value counts. Money is in whole units of its currency, percentages are 4.2 for 4.2 %."""

    MONEY = "money"
    PERCENT = "percent"
    CHANGE_PERCENT = "change_percent"  # signed by its meaning: up or down
    CHANGE_POINTS = "change_points"  # the same, in percentage points: of a rate, which has no percent of itself
    NUMBER = "number"
    DATE = "date"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Fact:
    """`value` is a decimal string, an ISO date or outside text, by `unit`. `currency` is set for money only.

    `label` is English and says what the value is; numbers in it (the 14 of "RSI (14 days)") may be repeated without a citation
    of their own. `window` is what the value was computed from, or the one day it is of.
    """

    fact_id: str
    label: str
    value: str
    unit: Unit
    source: SourceName
    window: Window
    currency: str | None = None

    def __post_init__(self) -> None:
        if not FACT_ID.fullmatch(self.fact_id):
            raise ValueError(f"not a fact id: {self.fact_id!r}")
        if (self.unit is Unit.MONEY) != (self.currency is not None):
            raise ValueError(f"{self.fact_id}: money has a currency, nothing else has")

    @property
    def number(self) -> Decimal | None:
        """The value as a number; None of a date or a text."""
        return None if self.unit in {Unit.DATE, Unit.TEXT} else Decimal(self.value)
