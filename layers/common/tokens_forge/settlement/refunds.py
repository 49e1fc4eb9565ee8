"""Refunds: set aside before the provider is asked, taken when it has given the money back, released when it will not.

Like a request's hold: pending, then posted or voided, once. The refund's id is the hold's key and the entry's key.
"""

from __future__ import annotations

from tokens_forge.ids import time_ms_of
from tokens_forge.journal import Entry, EntryType, Posting, entry_id_of
from tokens_forge.money import Money
from tokens_forge.settlement.books import Books, HoldRefused
from tokens_forge.store.port import CloseHold, Unchanged
from tokens_forge.wallets import HoldRefusal, HoldRequest, WalletKind


class Refunds:
    """Moves the money of refunds that begin here. All of it blocks: call it from a worker thread."""

    def __init__(self, books: Books) -> None:
        self._books = books

    def hold(self, account_id: str, kind: WalletKind, amount: Money, *, refund_id: str) -> None:
        """Set the amount aside; harmless when it is already. Raises HoldRefused, and then nothing is set aside."""
        books = self._books
        while True:
            wallet = books.again(lambda: books.store.read_wallet(account_id, kind))
            request = HoldRequest(
                account_id=account_id,
                kind=kind,
                currency=amount.currency,
                hold_id=refund_id,
                nano=amount.nano,
                auth_epoch=wallet.auth_epoch if wallet is not None else 0,
                placed_at_ms=time_ms_of(refund_id),
            )
            try:
                books.hold(request)
            except HoldRefused as refused:
                if refused.refusal is HoldRefusal.AUTH_EPOCH:
                    continue  # a key was revoked just now: that is nothing to a refund
                raise
            return

    def capture(
        self, account_id: str, kind: WalletKind, amount: Money, *, refund_id: str, order_id: str, source: str
    ) -> Entry:
        """Take what was set aside, once. Raises HoldLost when it is not there, AlreadySettled when it was voided."""
        postings = (Posting("wallet", -amount.nano), Posting(f"clearing:{source}", amount.nano))
        entry = self._entry(account_id, kind, amount.currency, refund_id, order_id, postings)
        return self._books.post(entry, CloseHold(refund_id, amount.nano, amount.nano, None))

    def void(self, account_id: str, kind: WalletKind, currency: str, *, refund_id: str, order_id: str) -> Entry:
        """Give back what was set aside, if anything was, once. The entry of nothing stands in the way of a late capture."""
        books = self._books
        wallet = books.again(lambda: books.store.read_wallet(account_id, kind))
        hold = wallet.holds.get(refund_id) if wallet is not None else None
        entry = self._entry(account_id, kind, currency, refund_id, order_id, ())
        return books.post(entry, CloseHold(refund_id, hold.nano, 0, None) if hold is not None else Unchanged())

    def release_leftover(self, account_id: str, kind: WalletKind, refund_id: str) -> bool:
        """Give back a hold that a delayed message placed after its refund had ended. Whether there is none left of that sort.

        False: the hold stands for a refund that has not ended.
        """
        books = self._books
        entry_id = entry_id_of(refund_id, EntryType.REFUND)
        while True:
            wallet = books.again(lambda: books.store.read_wallet(account_id, kind))
            hold = wallet.holds.get(refund_id) if wallet is not None else None
            if hold is None:
                return True
            if books.again(lambda: books.store.read_entry(account_id, kind, entry_id)) is None:
                return False
            # Whatever this answers, the next look tells: an answer may be lost, and another process may do the same.
            books.again(lambda hold=hold: books.store.release_hold(entry_id, account_id, kind, hold))  # type: ignore[misc]

    def _entry(
        self,
        account_id: str,
        kind: WalletKind,
        currency: str,
        refund_id: str,
        order_id: str,
        postings: tuple[Posting, ...],
    ) -> Entry:
        return Entry(
            entry_id=entry_id_of(refund_id, EntryType.REFUND),
            account_id=account_id,
            kind=kind,
            currency=currency,
            written_at_ms=self._books.clock.now_ms(),
            postings=postings,
            reference=order_id,
        )
