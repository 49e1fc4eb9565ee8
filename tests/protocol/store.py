"""The store of the model: what is kept about one request, the wallet that requests share, and every condition by its own name.

A message is one call to the database. It is done whole or not at all, at the moment it arrives.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

WHOLE_HOLD, SMALL_HOLD = 3, 2  # the worst case, and the clamped one that is tried when that does not fit


class Ending(StrEnum):
    """How an entry says that a request ended."""

    PAID = "paid"
    FREE = "free"
    CHECKPOINT = "checkpoint"
    ABANDONED = "abandoned"
    NOT_HELD = "not held"


COST = {Ending.PAID: 2, Ending.CHECKPOINT: 1}  # the others cost nothing


class Entry(NamedTuple):
    """A journal entry. `hold` is what its receipt says was set aside."""

    ending: Ending
    hold: int

    @property
    def charge(self) -> int:
        """What the customer pays: never more than the hold."""
        return min(COST.get(self.ending, 0), self.hold)


class Kind(StrEnum):
    """What a message asks for."""

    INTENT = "intent"
    HOLD = "hold"
    CHECKPOINT = "checkpoint"
    OUTCOME = "outcome"
    SETTLE = "settle"
    STONE = "stone"
    LATE = "late charge"
    LOSS = "late loss"
    RELEASE = "release"


class Message(NamedTuple):
    """One write on its way. `nano` is an amount to hold, or the hold that it names."""

    kind: Kind
    nano: int = 0
    ending: Ending | None = None

    @property
    def entry(self) -> Entry:
        """The entry that it posts."""
        assert self.ending is not None
        return Entry(self.ending, self.nano)

    def __str__(self) -> str:
        return " ".join(str(part) for part in self if part)


class Said(StrEnum):
    """What the store answers."""

    DONE = "done"
    ALREADY_HELD = "already held"
    INSUFFICIENT = "insufficient"
    EXISTS = "an entry is there"
    NO_HOLD = "no such hold"
    NO_ENTRY = "no entry"
    NO_RECORD = "no record"


class Books(NamedTuple):
    """What the store keeps about one request: its intent record, its open hold (0: none), its entries."""

    intent: bool = False
    outcome: Ending | None = None
    checkpoint: bool = False
    hold: int = 0
    entry: Entry | None = None
    late: Entry | None = None

    @property
    def charged(self) -> int:
        """What the journal says that this request paid."""
        return sum(entry.charge for entry in (self.entry, self.late) if entry is not None)


class Wallet(NamedTuple):
    """The four amounts of a wallet, each stored and changed by itself."""

    credits: int
    available: int
    held: int = 0
    debits: int = 0

    def set_aside(self, nano: int) -> Wallet:
        """After a hold."""
        return self._replace(available=self.available - nano, held=self.held + nano)

    def close(self, nano: int, charge: int) -> Wallet:
        """After a hold of `nano` was ended."""
        return self._replace(
            available=self.available + nano - charge, held=self.held - nano, debits=self.debits + charge
        )

    def take(self, nano: int) -> Wallet:
        """After `nano` was taken from what is available."""
        return self._replace(available=self.available - nano, debits=self.debits + nano)


class Answer(NamedTuple):
    """What a message did. `books` and `wallet` are how they stand now: on a failed condition, also how they stood."""

    said: Said
    books: Books
    wallet: Wallet


class Store:
    """Does what a message asks for if its conditions hold. A weakened store overrides one condition."""

    def arrive(self, message: Message, books: Books, wallet: Wallet) -> Answer:
        """One call to the database."""
        match message.kind:
            case Kind.INTENT:
                return Answer(Said.DONE, self._put_intent(books), wallet)
            case Kind.HOLD:
                return self._hold(message, books, wallet)
            case Kind.CHECKPOINT | Kind.OUTCOME:
                return Answer(*self._record(message, books), wallet)
            case Kind.SETTLE | Kind.STONE:
                return self._end(message, books, wallet)
            case Kind.LATE | Kind.LOSS:
                return self._late(message, books, wallet)
            case Kind.RELEASE:
                return self._release(message, books, wallet)

    def is_spent(self, message: Message, books: Books) -> bool:
        """Whether the message can never do anything that matters any more.

        What it would write once is written; or it would add to the record of a request whose entry stands, which nobody posts;
        or it releases a hold that is not there: should that come back, a new look does the same.
        """
        match message.kind:
            case Kind.INTENT:
                return not self.may_put_intent(books)
            case Kind.CHECKPOINT:
                return books.checkpoint or not self.may_enter(books)
            case Kind.OUTCOME:
                return books.outcome is not None or not self.may_enter(books)
            case Kind.SETTLE | Kind.STONE:
                return not self.may_enter(books)
            case Kind.LATE | Kind.LOSS:
                return not self.may_enter_late(books)
            case Kind.RELEASE:
                return not self.may_release(message.nano, books)
            case Kind.HOLD:
                return False

    def worth_keeping(self, books: Books) -> Books:
        """The books without what nobody reads any more: an ended request's record is never posted."""
        return books if self.may_enter(books) else books._replace(outcome=None, checkpoint=False)

    def may_put_intent(self, books: Books) -> bool:
        """The record is put if absent: what was kept in it stays."""
        return not books.intent

    def may_set_aside(self, nano: int, books: Books) -> bool:
        """The hold names its own id."""
        return books.hold == 0

    def covers(self, wallet: Wallet, nano: int) -> bool:
        """As much is available."""
        return wallet.available >= nano

    def may_take(self, wallet: Wallet, nano: int) -> bool:
        """A late charge is taken only from what is available."""
        return wallet.available >= nano

    def may_enter(self, books: Books) -> bool:
        """The entry is put if absent."""
        return books.entry is None

    def may_enter_late(self, books: Books) -> bool:
        """The late entry is put if absent."""
        return books.late is None

    def may_close(self, nano: int, books: Books) -> bool:
        """That hold is open, with that amount."""
        return books.hold == nano

    def may_release(self, nano: int, books: Books) -> bool:
        """The same of a hold that is given back. The store does both with one expression."""
        return self.may_close(nano, books)

    def has_ended(self, books: Books) -> bool:
        """A hold is given back only beside an entry."""
        return books.entry is not None

    def _put_intent(self, books: Books) -> Books:
        return books._replace(intent=True, outcome=None, checkpoint=False) if self.may_put_intent(books) else books

    def _hold(self, message: Message, books: Books, wallet: Wallet) -> Answer:
        if not self.may_set_aside(message.nano, books):
            return Answer(Said.ALREADY_HELD, books, wallet)
        if not self.covers(wallet, message.nano):
            return Answer(Said.INSUFFICIENT, books, wallet)
        return Answer(Said.DONE, books._replace(hold=message.nano), wallet.set_aside(message.nano))

    def _record(self, message: Message, books: Books) -> tuple[Said, Books]:
        if not books.intent:
            return Said.NO_RECORD, books
        if message.kind is Kind.CHECKPOINT:
            return Said.DONE, books._replace(checkpoint=True)
        return Said.DONE, books._replace(outcome=books.outcome or message.ending)

    def _end(self, message: Message, books: Books, wallet: Wallet) -> Answer:
        entry = message.entry
        if not self.may_enter(books):
            return Answer(Said.EXISTS, books, wallet)
        if message.kind is Kind.STONE:
            return Answer(Said.DONE, books._replace(entry=entry), wallet)
        if not self.may_close(entry.hold, books):
            return Answer(Said.NO_HOLD, books, wallet)
        return Answer(Said.DONE, books._replace(entry=entry, hold=0), wallet.close(entry.hold, entry.charge))

    def _late(self, message: Message, books: Books, wallet: Wallet) -> Answer:
        entry = message.entry
        if not self.may_enter_late(books):
            return Answer(Said.EXISTS, books, wallet)
        if not self.may_take(wallet, entry.charge):
            return Answer(Said.INSUFFICIENT, books, wallet)
        return Answer(Said.DONE, books._replace(late=entry), wallet.take(entry.charge))

    def _release(self, message: Message, books: Books, wallet: Wallet) -> Answer:
        if not self.has_ended(books):
            return Answer(Said.NO_ENTRY, books, wallet)
        if not self.may_release(message.nano, books):
            return Answer(Said.NO_HOLD, books, wallet)
        return Answer(Said.DONE, books._replace(hold=0), wallet.close(message.nano, 0))
