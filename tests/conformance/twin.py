"""A ledger store that is two: each operation runs on a simulated store and on the store under test, and they must agree."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from tests.conformance.stores import Simulated, StoreUnderTest, wallet_order
from tokens_forge.ids import day_of
from tokens_forge.intents import Intent, Outcome
from tokens_forge.journal import Entry
from tokens_forge.store.port import (
    EntryName,
    HoldAnswer,
    IntentRecord,
    LedgerStore,
    PostAnswer,
    Unreadable,
    WalletChange,
)
from tokens_forge.wallets import HoldRequest, OpenHold, Wallet, WalletKind

T = TypeVar("T")


class Twin:
    """Implements `store.port.LedgerStore`. Raises AssertionError where the two differ."""

    def __init__(self, tested: StoreUnderTest) -> None:
        self._tested = tested
        self._simulated = Simulated()
        self._watching = True

    def check_everything(self) -> None:
        """Both hold the same, every wallet keeps its rules, and the reading operations find all of it."""
        contents = self._tested.contents()
        assert contents == self._simulated.contents()
        for wallet in contents.wallets:
            assert self.read_wallet(wallet.account_id, wallet.kind) == wallet
        assert list(self.every_wallet()) == contents.wallets
        books: dict[tuple[str, WalletKind, str], list[Entry]] = {}
        for entry in contents.journal:
            assert self.read_entry(entry.account_id, entry.kind, entry.entry_id) == entry
            books.setdefault((entry.account_id, entry.kind, day_of(entry.occurred_at_ms)), []).append(entry)
        names = [EntryName(entry.account_id, entry.kind, entry.entry_id) for entry in contents.journal]
        assert self.read_entries(names) == sorted(contents.journal, key=repr)
        for book, entries in books.items():
            assert list(self.book(*book)) == entries
            assert self.day_entries(*book, before=None, limit=len(entries) + 1) == entries[::-1]
        for record in contents.intents:
            assert self.read_intent(record.intent.request_id) == record
        for minute in {record.intent.minute for record in contents.intents}:
            there = [record for record in contents.intents if record.intent.minute == minute]
            assert self.minute_intents(minute) == there

    def _read(self, operation: Callable[[LedgerStore], T]) -> T:
        """The answer that both give, or the error that both raise."""
        ours, theirs = _outcome(operation, self._simulated.store), _outcome(operation, self._tested.store)
        if isinstance(theirs, Exception):
            assert type(theirs) is type(ours), f"{theirs!r} where the simulated store gave {ours!r}"
            raise theirs
        assert theirs == ours
        return theirs

    def _write(self, operation: Callable[[LedgerStore], T]) -> T:
        """As `_read`; and all wallets are as the simulated store has them, whatever the answer."""
        try:
            return self._read(operation)
        finally:
            if self._watching:
                self._check_wallets()

    def _check_wallets(self) -> None:
        wallets = self._tested.wallets()
        assert wallets == self._simulated.wallets()
        for wallet in wallets:
            wallet.check()

    @contextmanager
    def unwatched(self) -> Iterator[None]:
        """Compare the wallets after the block only: for very many writes."""
        self._watching = False
        yield
        self._watching = True
        self._check_wallets()

    def open_wallet(self, wallet: Wallet) -> bool:
        return self._write(lambda store: store.open_wallet(wallet))

    def read_wallet(self, account_id: str, kind: WalletKind) -> Wallet | None:
        return self._read(lambda store: store.read_wallet(account_id, kind))

    def put_intent(self, intent: Intent) -> None:
        self._write(lambda store: store.put_intent(intent))

    def record_outcome(self, intent: Intent, outcome: Outcome) -> None:
        self._write(lambda store: store.record_outcome(intent, outcome))

    def record_checkpoint(self, intent: Intent, progress: Outcome) -> None:
        self._write(lambda store: store.record_checkpoint(intent, progress))

    def read_intent(self, request_id: str) -> IntentRecord | None:
        return self._read(lambda store: store.read_intent(request_id))

    def minute_intents(self, minute: str) -> list[IntentRecord]:
        return self._read(lambda store: store.minute_intents(minute))

    def place_hold(self, request: HoldRequest) -> HoldAnswer:
        return self._write(lambda store: store.place_hold(request))

    def post(self, entry: Entry, change: WalletChange) -> PostAnswer:
        return self._write(lambda store: store.post(entry, change))

    def release_hold(self, entry_id: str, account_id: str, kind: WalletKind, hold: OpenHold) -> bool:
        return self._write(lambda store: store.release_hold(entry_id, account_id, kind, hold))

    def freeze_wallet(self, account_id: str, kind: WalletKind) -> None:
        self._write(lambda store: store.freeze_wallet(account_id, kind))

    def every_wallet(self) -> Iterator[Wallet]:
        yield from self._read(lambda store: sorted(store.every_wallet(), key=wallet_order))

    def read_entry(self, account_id: str, kind: WalletKind, entry_id: str) -> Entry | None:
        return self._read(lambda store: store.read_entry(account_id, kind, entry_id))

    def read_entries(self, names: Iterable[EntryName]) -> list[Entry | Unreadable]:
        asked = list(names)
        return self._read(lambda store: sorted(store.read_entries(asked), key=repr))

    def day_entries(
        self, account_id: str, kind: WalletKind, day: str, *, before: str | None, limit: int
    ) -> list[Entry]:
        return self._read(lambda store: store.day_entries(account_id, kind, day, before=before, limit=limit))

    def book(self, account_id: str, kind: WalletKind, day: str) -> Iterator[Entry | Unreadable]:
        yield from self._read(lambda store: list(store.book(account_id, kind, day)))

    def raise_auth_epoch(self, account_id: str, kind: WalletKind) -> None:
        self._write(lambda store: store.raise_auth_epoch(account_id, kind))

    def set_key_spend_limit(self, account_id: str, kind: WalletKind, key_id: str, nano: int | None) -> None:
        self._write(lambda store: store.set_key_spend_limit(account_id, kind, key_id, nano))


def _outcome(operation: Callable[[LedgerStore], T], store: LedgerStore) -> T | Exception:
    try:
        return operation(store)
    except Exception as error:  # noqa: BLE001 - whatever one raises, the other must raise too
        return error
