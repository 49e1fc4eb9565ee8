"""Runs: the highest price of a whole research run is set aside before its first step, and what is left is given back at its end.

A step is an ordinary request, with an intent, a hold, an entry and a receipt of its own. Only its hold is taken out of the run's
hold, and what it does not spend goes back there: so a run's hold, its open steps and what they spent are always the same sum.
"""

from __future__ import annotations

from dataclasses import dataclass

from tokens_forge.ids import new_id, time_ms_of
from tokens_forge.journal import Entry, EntryType, entry_id_of
from tokens_forge.settlement.books import Books, HoldLost
from tokens_forge.store.port import CloseHold, Unchanged
from tokens_forge.wallets import HoldRequest, OpenHold, Wallet, WalletKind

RUN_HOLD_PREFIX = "hold"
# An execution of the workflow ends within an hour (functions/research/workflow.asl.json), and releases its hold. One that is
# older than this was left by a crash at the wrong moment.
RUN_HOLD_AGE_MAX_MS = 3 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class RunHold:
    """What one execution of a run sets aside. A run that is resumed gets another: a hold ends once."""

    hold_id: str
    account_id: str
    kind: WalletKind
    currency: str
    nano: int
    limited_key_id: str | None = None


def new_run_hold_id(now_ms: int) -> str:
    """An id by which everybody knows the hold of a run."""
    return new_id(RUN_HOLD_PREFIX, now_ms)


def is_of_a_run(hold: OpenHold) -> bool:
    """Whether a hold is a run's own, and no request's."""
    return hold.hold_id.startswith(f"{RUN_HOLD_PREFIX}_")


class RunHolds:
    """Sets aside for runs, and releases. Its methods block: call them from a worker thread."""

    def __init__(self, books: Books) -> None:
        self._books = books

    def place(self, run_hold: RunHold, auth_epoch: int) -> None:
        """Set the run's highest price aside; asking again changes nothing. Raises HoldRefused: then nothing is set aside."""
        request = HoldRequest(
            account_id=run_hold.account_id,
            kind=run_hold.kind,
            currency=run_hold.currency,
            hold_id=run_hold.hold_id,
            nano=run_hold.nano,
            auth_epoch=auth_epoch,
            placed_at_ms=time_ms_of(run_hold.hold_id),
            limited_key_id=run_hold.limited_key_id,
        )
        self._books.hold(request)

    def end(self, wallet: Wallet, hold_id: str) -> Entry:
        """Release what is left of a run's hold, once. Its entry moves nothing; a delayed message that places the hold again is
        found by it. A step that is under way keeps its part, and is charged."""
        books, account_id, kind = self._books, wallet.account_id, wallet.kind
        ended = Entry(
            entry_id=entry_id_of(hold_id, EntryType.RUN),
            account_id=account_id,
            kind=kind,
            currency=wallet.currency,
            written_at_ms=books.clock.now_ms(),
            postings=(),
            reference=hold_id,
        )
        while True:
            there = books.again(lambda: books.store.read_entry(account_id, kind, ended.entry_id))
            now = books.again(lambda: books.store.read_wallet(account_id, kind))
            hold = now.holds.get(hold_id) if now is not None else None
            try:
                if there is None:
                    return books.post(ended, _closing(hold) if hold is not None else Unchanged())
            except HoldLost:
                continue  # a step took its part or gave it back meanwhile
            if hold is None or self._release(there, hold):
                return there

    def _release(self, ended: Entry, hold: OpenHold) -> bool:
        return self._books.again(
            lambda: self._books.store.release_hold(ended.entry_id, ended.account_id, ended.kind, hold)
        )


def _closing(hold: OpenHold) -> CloseHold:
    return CloseHold(hold.hold_id, hold.nano, 0, hold.limited_key_id)
