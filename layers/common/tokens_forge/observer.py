"""Who is told what happens to a request: a port, so that the rules know neither logs nor metrics.

An observer does not raise, does not block and decides nothing: a request goes the same way without one.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from tokens_forge.identity import Identity
from tokens_forge.intents import Held, Outcome
from tokens_forge.journal import Entry
from tokens_forge.quotes import Quote


class Step(StrEnum):
    """What of a request is timed."""

    HOLD = "hold"
    SETTLE = "settle"


@dataclass(frozen=True, slots=True)
class Ended:
    """A request that was held for has ended. `entry` is None when the store did not take it: the sweeper will write it.

    `hold_lost` says that there was neither a hold nor an entry: the books are broken.
    """

    held: Held
    outcome: Outcome
    entry: Entry | None
    hold_lost: bool = False


class Observer(Protocol):
    """Is told in the order of a request's life. What does not happen is not told."""

    def identified(self, identity: Identity) -> None:
        """A key was proven."""
        ...

    def quoted(self, quote: Quote) -> None:
        """The key may call this model, and the most it can cost is known."""
        ...

    def timing(self, step: Step) -> AbstractContextManager[None]:
        """Around a step; also one that fails takes time."""
        ...

    def ended(self, ended: Ended) -> None:
        """Told once for each request that was held for, after it was settled."""
        ...


class _Silent:
    def identified(self, identity: Identity) -> None:
        pass

    def quoted(self, quote: Quote) -> None:
        pass

    def timing(self, step: Step) -> AbstractContextManager[None]:
        return nullcontext()

    def ended(self, ended: Ended) -> None:
        pass


SILENT: Observer = _Silent()
