"""Whoever ends other people's requests in the model: sweepers and the reconciliation, as `close_abandoned` does it.

A look may begin at any time, also while the gateway runs, for no clock makes it right. It reads record, wallet and entry at three
moments, and its write may arrive any time later, any number of times. A look that dies before its write is no look at all. The
cursor passes an intent that has not arrived by then without a look. Each intent is swept as if by a sweeper of its own, which is
more than one sweeper can do. What the reconciliation compares and freezes is not in the model, only what it ends.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.protocol.request import Look, Phase, Request, Step
from tests.protocol.store import Books, Ending, Entry, Kind, Message, Store, Wallet


class Closers:
    """What sweepers and the reconciliation may do next, at most `looks_max` of them at the same intent at once.

    With `reads_apart` a look reads at three moments, else at one. With `cursor` the sweeper's cursor may pass, and then only the
    reconciliation looks; without, sweepers come again and again. Both leave away states, for the larger models.
    """

    def __init__(self, store: Store, *, looks_max: int, reads_apart: bool, cursor: bool) -> None:
        self.store = store
        self._looks_max = looks_max
        self._reads_apart = reads_apart
        self._cursor = cursor

    def steps(self, request: Request, wallet: Wallet) -> Iterator[Step]:
        """What the looks under way do next, the cursor, and new looks where there is something to do."""
        books = request.books
        for look in dict.fromkeys(request.looks):
            yield from self._goes_on(request, look, wallet)
        if self._cursor and not request.swept and self.may_pass(books):
            yield Step("the sweeper's cursor passes", request._replace(swept=True), wallet)
        if len(request.looks) < self._looks_max and books.intent:
            if request.swept and self.must_reconcile(books):
                yield self._begins("the reconciliation", request, wallet)
            elif not request.swept and (books.hold or books.entry is None):
                yield self._begins("a sweeper", request, wallet)

    def may_pass(self, books: Books) -> bool:
        """Whether the cursor may pass: the request has ended, or its intent was not there to be seen."""
        return books.entry is not None or not books.intent

    def must_reconcile(self, books: Books) -> bool:
        """Whether the reconciliation looks at an intent that the sweeper has passed."""
        return books.hold > 0 or books.entry is None

    def _begins(self, who: str, request: Request, wallet: Wallet) -> Step:
        books = request.books
        if self._reads_apart:
            read = Look(Phase.RECORD, books.outcome, books.checkpoint)
            return Step(f"{who} reads the intent", request.with_look(read), wallet)
        seen = Look(Phase.WALLET, books.outcome, books.checkpoint, books.hold)
        return Step(f"{who} reads intent, wallet and entry", self._decides(request.with_look(seen), seen), wallet)

    def _goes_on(self, request: Request, look: Look, wallet: Wallet) -> Iterator[Step]:
        if look.phase is Phase.RECORD:
            sees = look._replace(phase=Phase.WALLET, hold=request.books.hold)
            yield Step(f"the look sees {_in_words(sees.hold)}", request.without(look).with_look(sees), wallet)
        elif look.phase is Phase.WALLET:
            entry = request.books.entry
            found = "no entry" if entry is None else f"the entry ({entry.ending})"
            yield Step(f"the look sees {found}", self._decides(request, look), wallet)
        else:
            assert look.message is not None
            answer = self.store.arrive(look.message, request.books, wallet)
            written = request.written(answer.books, self.store)
            # Whatever it hears, it is over: when somebody else was first, the sweeper looks again, which is a new look here.
            heard = written.without(look) if look in written.looks else written
            yield Step(f"the look's {look.message} arrives, it hears: {answer.said}", heard, answer.wallet)
            if (answer.books, answer.wallet) != (request.books, wallet):
                yield Step(f"the look's {look.message} arrives, it hears nothing", written, answer.wallet)

    def _decides(self, request: Request, look: Look) -> Request:
        message = self.decision(look, request.books.entry)
        if message is None:
            return request.without(look)
        # What was read is in the message now.
        return request.without(look).with_look(Look(Phase.SENT, message=message))

    def decision(self, look: Look, entry: Entry | None) -> Message | None:
        """What a look writes, from what it has read; None when there is nothing to do."""
        if entry is not None:
            return Message(Kind.RELEASE, look.hold) if look.hold else None
        if not look.hold:
            return Message(Kind.STONE, 0, Ending.NOT_HELD)
        kept = look.outcome or (Ending.CHECKPOINT if look.checkpoint else Ending.ABANDONED)
        return Message(Kind.SETTLE, look.hold, kept)


def _in_words(hold: int) -> str:
    return f"an open hold of {hold}" if hold else "no hold"
