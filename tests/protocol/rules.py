"""What must be true: of every wallet, of every request at every moment, and of every request when all is over."""

from __future__ import annotations

from tests.protocol.request import Request, Stage
from tests.protocol.store import WHOLE_HOLD, Ending, Entry, Wallet


def broken_by_wallet(wallet: Wallet) -> str:
    """The rule that a wallet breaks by itself; empty when it breaks none."""
    if wallet.available < 0:
        return "available is negative"
    if wallet.held < 0:
        return "held is negative"
    if wallet.available + wallet.held != wallet.credits - wallet.debits:
        return "the balance is not credits less debits"
    return ""


def broken_between(wallet: Wallet, open_holds: int, charged: int) -> str:
    """The rule that a wallet breaks together with its requests' books."""
    if wallet.held != open_holds:
        return "held is not the sum of the open holds"
    if wallet.debits != charged:
        return "debits are not the fold of the journal"
    return ""


def broken_by_request(request: Request) -> str:
    """The rule that a request breaks at any moment."""
    entry, late = request.books.entry, request.books.late
    if request.alarm:
        return request.alarm
    if any(each is not None and not 0 <= each.charge <= each.hold <= WHOLE_HOLD for each in (entry, late)):
        return "a charge is above its hold, or a hold above its quote"
    if late is not None and (entry is None or (entry.charge and late.charge)):
        return "a late charge without a void"
    promised = {
        Stage.SETTLED: entry == Entry(request.ending or Ending.FREE, request.held),
        Stage.ENDED_BY_OTHERS: entry is not None and (entry.charge > 0 or request.ending is Ending.FREE),
        Stage.CHARGED_LATE: late is not None and late.charge > 0,
        Stage.LOST: late is not None,
    }
    if not promised.get(request.stage, True):
        return "a gateway that finished has another end in its books"
    return ""


def broken_by_change(before: Request, after: Request) -> str:
    """The rule that a step breaks: the journal only grows, and an entry says what was recorded in time.

    The operator's losses: what a dead gateway did not record, what was recorded while or after somebody looked, what goes beyond a
    posted checkpoint, and a late answer that the wallet cannot pay any more.
    """
    for old, new in ((before.books.entry, after.books.entry), (before.books.late, after.books.late)):
        if old is not None and old != new:
            return "an entry was changed"
    if before.books.entry is None and after.books.entry is not None:
        if before.outcome_in_time and after.books.entry != Entry(before.ending or Ending.FREE, before.held):
            return "an outcome that was recorded in time was not posted"
        if before.checkpoint_in_time and after.books.entry.ending in (Ending.ABANDONED, Ending.NOT_HELD):
            return "a checkpoint that was recorded in time was not posted"
    return ""


def broken_in_the_end(request: Request) -> str:
    """The rule that a request breaks when nobody will look at it any more."""
    books = request.books
    if books.hold:
        return "a hold is open for ever"
    if books.intent and books.entry is None:
        return "an intent has no entry for ever"
    if not books.intent and books.entry is not None:
        return "an entry has no intent"
    return ""
