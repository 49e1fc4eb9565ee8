"""The words of the reference ledger: what is asked of it, what it answers, what it writes. No line of it is the product's."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import Literal, NamedTuple

Where = tuple[str, str]  # account id, wallet kind
Tokens = tuple[int, int, int, int]  # input, cached input, cache write, output
PerMillion = tuple[int, int, int, int]  # nano per 1,000,000 tokens, in the same order


@dataclass(frozen=True)
class Tariff:
    """A price version. A tier's prices apply to the whole request when more than its first number of tokens were sent."""

    version: str
    currency: str
    base: PerMillion
    tiers: tuple[tuple[int, PerMillion], ...] = ()
    multiplier: Fraction | None = None

    def prices(self, tokens: Tokens) -> PerMillion:
        """The prices of a request with these tokens."""
        reached = [tier for tier in self.tiers if sum(tokens[:3]) > tier[0]]
        return max(reached, key=lambda tier: tier[0])[1] if reached else self.base

    def charge(self, tokens: Tokens) -> int:
        """The charge in nano: one rounding, upwards."""
        weighted = sum(Fraction(count * price, 10**6) for count, price in zip(tokens, self.prices(tokens), strict=True))
        return ceil(weighted * (self.multiplier or 1))


@dataclass(frozen=True)
class Request:
    """What a request's intent says. `most` is the largest hold it may place; `part_of` is the run that it is a step of."""

    ulid: str
    minute: int
    where: Where
    key: str
    key_is_limited: bool
    tariff: Tariff
    most: int
    primary: str = "first"
    part_of: str | None = None


@dataclass(frozen=True)
class Run:
    """A whole run, for which `nano` are set aside before its first step."""

    ulid: str
    where: Where
    currency: str
    nano: int
    key: str
    key_is_limited: bool

    @property
    def hold_id(self) -> str:
        """The name of its hold among those of the wallet."""
        return f"hold_{self.ulid}"


@dataclass(frozen=True)
class Ending:
    """How a request ended upstream. An attempt is channel, outcome, milliseconds."""

    reason: str
    tokens: Tokens = (0, 0, 0, 0)
    reasoning: int = 0
    source: str = "none"
    attempts: tuple[tuple[str, str, int], ...] = ()


@dataclass(frozen=True)
class Facts:
    """What a receipt says beside its postings."""

    request: Request
    ending: Ending
    prices: PerMillion
    hold: int
    charge: int
    uncharged: int
    backup_used: bool


@dataclass(frozen=True)
class Line:
    """One journal entry."""

    entry_id: str
    where: Where
    currency: str
    moves: tuple[tuple[str, int], ...]
    reference: str | None = None
    facts: Facts | None = None

    @property
    def to_wallet(self) -> int:
        """What it does to the customer's balance."""
        return sum(nano for book, nano in self.moves if book == "wallet")


class Answer(NamedTuple):
    """What an operation says. `broken` is a call that contradicts itself: it must fail, and change nothing."""

    word: Literal["entry", "held", "already", "refused", "short", "lost", "broken", "done"]
    what: int | str | None = None  # an entry's id, the amount held, or the reason of a refusal


BROKEN = Answer("broken")
