"""The trail of an order: every step and every provider event, as its buyer reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from tokens_forge.checkout.orders import Order


class Verdict(StrEnum):
    """What was found out about one part of a provider's event."""

    OK = "ok"
    WRONG = "wrong"
    STALE = "stale"
    FORGED = "forged"
    NOT_SAID = "not_said"


@dataclass(frozen=True, slots=True)
class TrailLine:
    """One line. A line id is written once: so a repeated event is one line, and forged ones are at most one of their sort."""

    line_id: str
    at_ms: int
    what: str
    facts: Mapping[str, str] = field(default_factory=dict)


def step_line(order: Order, at_ms: int, what: str, **facts: str | None) -> TrailLine:
    """The line of one change of an order, by its version."""
    known = {name: value for name, value in facts.items() if value is not None}
    return TrailLine(f"step#{order.version:06d}", at_ms, what, {"state": order.state.value, **known})
