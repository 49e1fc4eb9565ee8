"""One request of the model: its gateway process, its messages on their way, and whoever looks at its intent."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from tests.protocol.store import Books, Ending, Kind, Message, Store, Wallet


class Stage(StrEnum):
    """Where the gateway process is: which answer it waits for, or how it finished."""

    INTENT = "intent"
    HOLD = "hold"
    SMALL_HOLD = "small hold"
    UPSTREAM = "upstream"
    SETTLE = "settle"
    KEEP = "keep"
    LATE = "late charge"
    LOSS = "late loss"
    # Finished:
    REFUSED = "refused"
    SETTLED = "settled"
    ENDED_BY_OTHERS = "ended by others"
    KEPT = "kept"
    CHARGED_LATE = "charged late"
    LOST = "lost"
    ABSENT = "absent"


class Phase(StrEnum):
    """How far one look at an intent has come."""

    RECORD = "has read the record"
    WALLET = "has read the wallet"
    SENT = "has sent"


class Look(NamedTuple):
    """One run of `close_abandoned`, by a sweeper or the reconciliation. What it has read may be old by now."""

    phase: Phase
    outcome: Ending | None = None
    checkpoint: bool = False
    hold: int = 0
    message: Message | None = None


class Request(NamedTuple):
    """`sent` holds what the gateway has ever sent: each message may arrive at any time from then on, any number of times.

    `swept` says that the sweeper's cursor has passed. `outcome_in_time` and `checkpoint_in_time` say, of a request that has not
    ended, that it was recorded while nobody looked: so whoever ends it must have seen it. `alarm` is what must never happen.
    """

    stage: Stage
    sent: tuple[Message, ...] = ()
    held: int = 0
    ending: Ending | None = None
    books: Books = Books()
    looks: tuple[Look, ...] = ()
    swept: bool = False
    outcome_in_time: bool = False
    checkpoint_in_time: bool = False
    alarm: str = ""

    def sends(self, stage: Stage, message: Message, store: Store) -> Request:
        """The gateway sends a message and waits for its answer."""
        sent = {*self.sent, message} if not store.is_spent(message, self.books) else self.sent
        return self._replace(stage=stage, sent=tuple(sorted(sent, key=str)))

    def written(self, books: Books, store: Store) -> Request:
        """The request after a write. What can make no difference any more is forgotten: fewer states, the same behaviour."""
        books = store.worth_keeping(books)
        running, unseen = books.entry is None, not self.looks
        kept, reached = (
            self.books.outcome is None and books.outcome is not None,
            books.checkpoint > self.books.checkpoint,
        )
        return self._replace(
            books=books,
            sent=tuple(message for message in self.sent if not store.is_spent(message, books)),
            looks=tuple(look for look in self.looks if not (look.message and store.is_spent(look.message, books))),
            outcome_in_time=running and (self.outcome_in_time or (unseen and kept)),
            checkpoint_in_time=running and (self.checkpoint_in_time or (unseen and reached)),
        )

    def with_look(self, look: Look) -> Request:
        """One more look is under way."""
        return self._replace(looks=tuple(sorted([*self.looks, look], key=str)))

    def without(self, look: Look) -> Request:
        """A look is over."""
        looks = list(self.looks)
        looks.remove(look)
        return self._replace(looks=tuple(looks))


ABSENT = Request(Stage.ABSENT)
BEGUN = Request(Stage.INTENT, sent=(Message(Kind.INTENT),))


class Step(NamedTuple):
    """One thing that can happen next, in words."""

    what: str
    request: Request
    wallet: Wallet
