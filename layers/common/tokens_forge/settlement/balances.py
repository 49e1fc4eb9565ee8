"""Balances: top-ups, what goes back of them, adjustments and reversals, each posted once and paired with its own entry."""

from __future__ import annotations

from tokens_forge.journal import Entry, EntryType, Posting, entry_id_of, reversal_id_of
from tokens_forge.money import Money
from tokens_forge.settlement.books import Books, DebtMoved, NotAvailable
from tokens_forge.store.port import Credit, Take
from tokens_forge.wallets import WalletKind


class Balances:
    """Moves money in and out of wallets. All of it blocks: call it from a worker thread."""

    def __init__(self, books: Books) -> None:
        self._books = books

    def top_up(self, account_id: str, kind: WalletKind, amount: Money, *, order_id: str, source: str) -> Entry:
        """Credit a wallet once for an order; asking again returns the same entry. A debt is paid first.

        `source` names the clearing account (a payment provider). Raises HoldRefused (no wallet, or another currency).
        """
        assert amount.nano > 0
        return self._credit(
            Entry(
                entry_id=entry_id_of(order_id, EntryType.TOP_UP),
                account_id=account_id,
                kind=kind,
                currency=amount.currency,
                written_at_ms=self._books.clock.now_ms(),
                postings=_moves(amount.nano, f"clearing:{source}"),
                reference=order_id,
            )
        )

    def take_back(
        self, account_id: str, kind: WalletKind, amount: Money, *, entry_id: str, order_id: str, source: str
    ) -> Entry:
        """Take what a payment provider took from us of an order, once for an entry id: a refund or a dispute that began there.

        It cannot be refused: what was spent already becomes a debt. `source` names the clearing account.
        """
        assert amount.nano > 0
        return self._take_or_owe(
            Entry(
                entry_id=entry_id,
                account_id=account_id,
                kind=kind,
                currency=amount.currency,
                written_at_ms=self._books.clock.now_ms(),
                postings=_moves(-amount.nano, f"clearing:{source}"),
                reference=order_id,
            )
        )

    def adjust(self, account_id: str, kind: WalletKind, amount: Money, *, adjustment_id: str, reason: str) -> Entry:
        """Add to a wallet, or take from what is available in it, once for an adjustment id.

        Raises NotAvailable when less is available than is to be taken, HoldRefused as `top_up` does.
        """
        assert amount.nano != 0 and reason
        entry = Entry(
            entry_id=entry_id_of(adjustment_id, EntryType.ADJUSTMENT),
            account_id=account_id,
            kind=kind,
            currency=amount.currency,
            written_at_ms=self._books.clock.now_ms(),
            postings=_moves(amount.nano, "operator"),
            reference=reason,
        )
        return self._credit(entry) if amount.nano > 0 else self._books.post(entry, Take(-amount.nano))

    def reverse(self, entry: Entry) -> Entry:
        """Undo an entry by its exact opposite, once. What a reversed credit bought and spent already becomes a debt."""
        assert entry.type is not EntryType.REVERSAL and entry.postings, (
            "a reversal is final, and nothing has no opposite"
        )
        opposite = Entry(
            entry_id=reversal_id_of(entry),
            account_id=entry.account_id,
            kind=entry.kind,
            currency=entry.currency,
            written_at_ms=self._books.clock.now_ms(),
            postings=tuple(Posting(posting.book_account, -posting.nano) for posting in entry.postings),
            reference=entry.entry_id,
        )
        if opposite.wallet_nano > 0:
            return self._credit(opposite)
        return self._take_or_owe(opposite)

    def _credit(self, entry: Entry) -> Entry:
        """Post a credit. The debt that it pays first is a guess, corrected by what the store says stood in the way."""
        pays_nano = 0
        while True:
            try:
                return self._books.post(entry, Credit(entry.wallet_nano, pays_nano))
            except DebtMoved as moved:
                pays_nano = min(moved.wallet.debt_nano, entry.wallet_nano)

    def _take_or_owe(self, entry: Entry) -> Entry:
        """Post a debit that cannot be refused: what is not available becomes a debt."""
        nano, owed_nano = -entry.wallet_nano, 0
        while True:
            try:
                return self._books.post(entry, Take(nano, owed_nano))
            except NotAvailable as short:
                owed_nano = max(nano - short.wallet.available_nano, 0)


def _moves(nano: int, other: str) -> tuple[Posting, Posting]:
    """Postings that move `nano` from another account to the wallet."""
    return Posting("wallet", nano), Posting(other, -nano)
