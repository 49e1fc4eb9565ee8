"""The witness: sees every change that the store really makes, in order, and looks at the wallets after each one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from tokens_forge.intents import Intent, Outcome
from tokens_forge.journal import Entry
from tokens_forge.store.port import EntryName, HoldAnswer, IntentRecord, PostAnswer, Unreadable, WalletChange
from tokens_forge.store.simulated import SimulatedLedgerStore
from tokens_forge.wallets import HoldRequest, OpenHold, Wallet, WalletKind

WalletKey = tuple[str, WalletKind]


class Violation(AssertionError):
    """A promise was broken."""


class Change(NamedTuple):
    """Something that the store did. `by` is the process whose call it was."""

    by: str
    operation: str
    arguments: tuple[Any, ...]


@dataclass
class Witness:
    """Implements `store.port.LedgerStore` right in front of the simulated one, behind all faults.

    `who` says whose call this is; `on_change` hears of each change before anybody else does; `met` counts what was met.
    """

    inner: SimulatedLedgerStore
    who: Callable[[], str]
    on_change: Callable[[Change], None]
    met: Counter[str]

    def __post_init__(self) -> None:
        self.changes: list[Change] = []
        self.seen: dict[WalletKey, Wallet] = {}

    def open_wallet(self, wallet: Wallet) -> bool:
        opened = self.inner.open_wallet(wallet)
        if opened:
            self._changed((wallet.account_id, wallet.kind), "open_wallet", wallet)
        return opened

    def put_intent(self, intent: Intent) -> None:
        is_new = self.inner.read_intent(intent.request_id) is None
        self.inner.put_intent(intent)
        if is_new:
            self._changed(None, "put_intent", intent)

    def record_outcome(self, intent: Intent, outcome: Outcome) -> None:
        self.inner.record_outcome(intent, outcome)
        self._changed(None, "record_outcome", intent, outcome)

    def record_checkpoint(self, intent: Intent, progress: Outcome) -> None:
        self.inner.record_checkpoint(intent, progress)

    def place_hold(self, request: HoldRequest) -> HoldAnswer:
        answer = self.inner.place_hold(request)
        if answer.placed:
            self._changed((request.account_id, request.kind), "place_hold", request)
        elif answer.before is not None and request.hold_id in answer.before.holds:
            self.met["hold stood already"] += 1
        return answer

    def post(self, entry: Entry, change: WalletChange) -> PostAnswer:
        answer = self.inner.post(entry, change)
        if answer.posted:
            self._changed((entry.account_id, entry.kind), "post", entry, change)
        elif answer.existing is not None:
            self.met["entry stood already"] += 1
        return answer

    def release_hold(self, entry_id: str, account_id: str, kind: WalletKind, hold: OpenHold) -> bool:
        released = self.inner.release_hold(entry_id, account_id, kind, hold)
        if released:
            self._changed((account_id, kind), "release_hold", hold)
        return released

    def freeze_wallet(self, account_id: str, kind: WalletKind) -> None:
        self.inner.freeze_wallet(account_id, kind)
        self._changed((account_id, kind), "freeze_wallet", account_id, kind)

    def raise_auth_epoch(self, account_id: str, kind: WalletKind) -> None:
        self.inner.raise_auth_epoch(account_id, kind)
        self._changed((account_id, kind), "raise_auth_epoch", account_id, kind)

    def set_key_spend_limit(self, account_id: str, kind: WalletKind, key_id: str, nano: int | None) -> None:
        self.inner.set_key_spend_limit(account_id, kind, key_id, nano)
        self._changed((account_id, kind), "set_key_spend_limit", account_id, kind, key_id, nano)

    def read_wallet(self, account_id: str, kind: WalletKind) -> Wallet | None:
        return self.inner.read_wallet(account_id, kind)

    def read_intent(self, request_id: str) -> IntentRecord | None:
        return self.inner.read_intent(request_id)

    def minute_intents(self, minute: str) -> list[IntentRecord]:
        return self.inner.minute_intents(minute)

    def every_wallet(self) -> Iterator[Wallet]:
        return self.inner.every_wallet()

    def read_entry(self, account_id: str, kind: WalletKind, entry_id: str) -> Entry | None:
        return self.inner.read_entry(account_id, kind, entry_id)

    def read_entries(self, names: Iterable[EntryName]) -> list[Entry | Unreadable]:
        return self.inner.read_entries(names)

    def day_entries(
        self, account_id: str, kind: WalletKind, day: str, *, before: str | None, limit: int
    ) -> list[Entry]:
        return self.inner.day_entries(account_id, kind, day, before=before, limit=limit)

    def book(self, account_id: str, kind: WalletKind, day: str) -> Iterator[Entry | Unreadable]:
        return self.inner.book(account_id, kind, day)

    def _changed(self, where: WalletKey | None, operation: str, *arguments: Any) -> None:
        """Keep the change, and look at every wallet: the one that was meant keeps its rules, no other one has moved."""
        for key, wallet in self.inner.wallets.items():
            if wallet is self.seen.get(key):
                continue
            if key != where:
                raise Violation(f"{operation} was about {where} and moved {key}")
            if wallet.available_nano < 0 or wallet.debt_nano < 0:
                raise Violation(f"{operation} left {wallet.available_nano} nano available in {key}")
            if wallet.held_nano != sum([hold.nano for hold in wallet.holds.values()]):
                raise Violation(f"{operation} left {key} with another sum held than its holds have")
            wallet.check()
            self._count_debt(key, wallet)
            self.seen[key] = wallet
        change = Change(self.who(), operation, arguments)
        self.changes.append(change)
        self.on_change(change)

    def _count_debt(self, key: WalletKey, wallet: Wallet) -> None:
        before = self.seen.get(key)
        if before is not None and before.debt_nano != wallet.debt_nano:
            self.met["debt made" if before.debt_nano < wallet.debt_nano else "debt paid"] += 1
