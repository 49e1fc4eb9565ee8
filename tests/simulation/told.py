"""What the actors asked for and what they were told: an account of the run that is kept without looking at the store."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from tests.properties.words import Ending, Request, Run, Where
from tokens_forge.journal import Entry
from tokens_forge.wallets import HoldRefusal


@dataclass(slots=True)
class ToldRequest:
    """One request, as its gateway and its client know it. `endings` are all that it ever reported for itself."""

    request: Request
    held_nano: int | None = None
    refused: HoldRefusal | None = None
    sent: bool = False
    endings: list[Ending] = field(default_factory=list)
    entry: Entry | None = None


@dataclass(slots=True)
class ToldMove:
    """A top-up, an adjustment or a reversal. `entry` is what somebody was told about it."""

    where: Where
    nano: int
    currency: str
    ulid: str
    reverses: str | None = None
    entry: Entry | None = None
    was_refused: bool = False


@dataclass(slots=True)
class Told:
    """Everything that was asked and told in one run."""

    requests: dict[str, ToldRequest] = field(default_factory=dict)
    moves: dict[str, ToldMove] = field(default_factory=dict)
    runs: dict[str, Run] = field(default_factory=dict)  # by the id of its hold
    revoked_keys: set[str] = field(default_factory=set)
    limits_nano: Counter[str] = field(default_factory=Counter)
    met: Counter[str] = field(default_factory=Counter)

    def entries(self) -> list[Entry]:
        """Every entry that somebody was told of and that can be reversed."""
        told = [move.entry for move in self.moves.values()] + [request.entry for request in self.requests.values()]
        return [entry for entry in told if entry is not None and entry.postings and ".reversal" not in entry.entry_id]
