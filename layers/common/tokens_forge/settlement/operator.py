"""The operator's book: what we spend on our own account. No wallet is touched."""

from __future__ import annotations

from tokens_forge.journal import OPERATOR, Entry, EntryType, Posting, entry_id_of, posting_order
from tokens_forge.money import Money
from tokens_forge.settlement.books import Books
from tokens_forge.store.port import Unchanged
from tokens_forge.wallets import WalletKind


class OperatorBook:
    """All of it blocks: call it from a worker thread."""

    def __init__(self, books: Books) -> None:
        self._books = books

    def book_probe(self, probe_id: str, kind: WalletKind, channel_id: str, model_id: str, cost: Money) -> Entry:
        """Book once what a provider charges us for a probe of one of its channels."""
        assert cost.nano > 0
        postings = (Posting("provider_cost", cost.nano), Posting(f"provider:{channel_id}", -cost.nano))
        return self._books.post(
            Entry(
                entry_id=entry_id_of(probe_id, EntryType.PROBE),
                account_id=OPERATOR,
                kind=kind,
                currency=cost.currency,
                written_at_ms=self._books.clock.now_ms(),
                postings=tuple(sorted(postings, key=lambda posting: posting_order(posting.book_account))),
                reference=model_id,
            ),
            Unchanged(),
        )
