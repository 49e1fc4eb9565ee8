"""A ledger store in memory, with the same operations and conditions as the DynamoDB one.

It is for tests and the simulation, never for a deployment. One conformance suite runs on both stores, so that what the simulation
proves is proven of the real conditions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from threading import Lock

from tokens_forge.ids import minute_of, time_ms_of
from tokens_forge.intents import Intent, Outcome
from tokens_forge.journal import Entry, book_of, day_book
from tokens_forge.store.port import (
    CloseHold,
    Credit,
    EntryName,
    HoldAnswer,
    IntentRecord,
    PostAnswer,
    StoreFault,
    Unchanged,
    Unreadable,
    WalletChange,
)
from tokens_forge.wallets import HoldRequest, OpenHold, Wallet, WalletKind, WalletStatus, why_refused

WalletKey = tuple[str, WalletKind]


class SimulatedLedgerStore:
    """Implements `store.port.LedgerStore`. Each operation is atomic, as each call to DynamoDB is."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.wallets: dict[WalletKey, Wallet] = {}
        self.journal: dict[tuple[str, str], Entry] = {}
        self.intents: dict[str, dict[str, IntentRecord]] = {}

    def open_wallet(self, wallet: Wallet) -> bool:
        """Create a wallet with nothing in it; False when it exists."""
        assert not wallet.holds
        with self._lock:
            key = (wallet.account_id, wallet.kind)
            if key in self.wallets:
                return False
            self.wallets[key] = wallet
            return True

    def read_wallet(self, account_id: str, kind: WalletKind) -> Wallet | None:
        """A consistent read."""
        with self._lock:
            return self.wallets.get((account_id, kind))

    def put_intent(self, intent: Intent) -> None:
        """Write the intent if no record has its id."""
        with self._lock:
            self.intents.setdefault(intent.minute, {}).setdefault(intent.request_id, IntentRecord(intent))

    def record_outcome(self, intent: Intent, outcome: Outcome) -> None:
        """Keep the outcome of a request that could not be settled; the first one stays."""
        with self._lock:
            bucket = self.intents.get(intent.minute, {})
            record = bucket.get(intent.request_id)
            if record is not None and record.outcome is None:
                bucket[intent.request_id] = replace(record, outcome=outcome)

    def record_checkpoint(self, intent: Intent, progress: Outcome) -> None:
        """Keep how far a long stream has got; the latest one stays."""
        with self._lock:
            bucket = self.intents.get(intent.minute, {})
            record = bucket.get(intent.request_id)
            if record is not None:
                bucket[intent.request_id] = replace(record, checkpoint=progress)

    def read_intent(self, request_id: str) -> IntentRecord | None:
        """A consistent read."""
        with self._lock:
            return self.intents.get(minute_of(time_ms_of(request_id)), {}).get(request_id)

    def minute_intents(self, minute: str) -> list[IntentRecord]:
        """Every intent record of one UTC minute such as `2026-11-24T13:48`. A consistent read."""
        with self._lock:
            return [record for _, record in sorted(self.intents.get(minute, {}).items())]

    def place_hold(self, request: HoldRequest) -> HoldAnswer:
        """Set aside in one conditional update."""
        with self._lock:
            wallet = self.wallets.get((request.account_id, request.kind))
            if wallet is None or why_refused(wallet, request) is not None:
                return HoldAnswer(placed=False, before=wallet)
            hold = OpenHold(
                request.hold_id, request.nano, request.placed_at_ms, request.limited_key_id, request.part_of
            )
            if request.part_of is not None:
                holds = _grown(wallet, request.part_of, -request.nano)
                self._write(replace(wallet, holds={**holds, request.hold_id: hold}))
                return HoldAnswer(placed=True)
            self._write(
                replace(
                    wallet,
                    available_nano=wallet.available_nano - request.nano,
                    held_nano=wallet.held_nano + request.nano,
                    holds={**wallet.holds, request.hold_id: hold},
                    key_spend_left_nano=_spend(wallet, request.limited_key_id, -request.nano),
                )
            )
            return HoldAnswer(placed=True)

    def post(self, entry: Entry, change: WalletChange) -> PostAnswer:
        """One transaction: put the entry if absent, change the wallet if its condition holds."""
        with self._lock:
            key = (book_of(entry.account_id, entry.kind, entry.entry_id), entry.entry_id)
            existing = self.journal.get(key)
            wallet = self.wallets.get((entry.account_id, entry.kind))
            untouched = isinstance(change, Unchanged)
            changed = _changed(wallet, entry.currency, change) if wallet is not None else None
            refused = changed is None and not untouched
            if existing is not None or refused:
                return PostAnswer(posted=False, existing=existing, before=wallet if refused else None)
            self.journal[key] = entry
            if changed is not None:
                self._write(changed)
            return PostAnswer(posted=True)

    def release_hold(self, entry_id: str, account_id: str, kind: WalletKind, hold: OpenHold) -> bool:
        """Give back a hold whose request is ended already; False when there is no such entry or no such hold."""
        with self._lock:
            wallet = self.wallets.get((account_id, kind))
            if wallet is None or (book_of(account_id, kind, entry_id), entry_id) not in self.journal:
                return False
            closed = _closed(wallet, CloseHold(hold.hold_id, hold.nano, 0, hold.limited_key_id, hold.part_of))
            if closed is None:
                return False
            self._write(closed)
            return True

    def freeze_wallet(self, account_id: str, kind: WalletKind) -> None:
        """Let the wallet take no new hold."""
        with self._lock:
            self._write(replace(self._existing(account_id, kind), status=WalletStatus.FROZEN))

    def every_wallet(self) -> Iterator[Wallet]:
        """All wallets, each as some moment of the reading saw it."""
        yield from list(self.wallets.values())

    def read_entry(self, account_id: str, kind: WalletKind, entry_id: str) -> Entry | None:
        """A consistent read."""
        with self._lock:
            return self.journal.get((book_of(account_id, kind, entry_id), entry_id))

    def read_entries(self, names: Iterable[EntryName]) -> list[Entry | Unreadable]:
        """Those of the named entries that are there. Nothing here can become unreadable."""
        found = [self.read_entry(*name) for name in dict.fromkeys(names)]
        return [entry for entry in found if entry is not None]

    def day_entries(
        self, account_id: str, kind: WalletKind, day: str, *, before: str | None, limit: int
    ) -> list[Entry]:
        """Up to `limit` entries of one UTC day, newest first, those before entry id `before` only."""
        with self._lock:
            book = day_book(account_id, kind, day)
            found = [entry for (entry_book, _), entry in self.journal.items() if entry_book == book]
        found.sort(key=lambda entry: entry.entry_id, reverse=True)
        return [entry for entry in found if before is None or entry.entry_id < before][:limit]

    def book(self, account_id: str, kind: WalletKind, day: str) -> Iterator[Entry | Unreadable]:
        """Every entry of one wallet on one UTC day. Nothing here can become unreadable."""
        yield from reversed(self.day_entries(account_id, kind, day, before=None, limit=len(self.journal)))

    def raise_auth_epoch(self, account_id: str, kind: WalletKind) -> None:
        """Make every cached key of this wallet read its record again before the next hold."""
        with self._lock:
            wallet = self._existing(account_id, kind)
            self._write(replace(wallet, auth_epoch=wallet.auth_epoch + 1))

    def set_key_spend_limit(self, account_id: str, kind: WalletKind, key_id: str, nano: int | None) -> None:
        """Give a key this much left to spend on this wallet; None removes the limit."""
        with self._lock:
            wallet = self._existing(account_id, kind)
            left = {name: amount for name, amount in wallet.key_spend_left_nano.items() if name != key_id}
            self._write(replace(wallet, key_spend_left_nano=left if nano is None else {**left, key_id: nano}))

    def _existing(self, account_id: str, kind: WalletKind) -> Wallet:
        wallet = self.wallets.get((account_id, kind))
        if wallet is None:
            raise StoreFault("there is no such wallet")
        return wallet

    def _write(self, wallet: Wallet) -> None:
        wallet.check()
        self.wallets[(wallet.account_id, wallet.kind)] = wallet


def _changed(wallet: Wallet, currency: str, change: WalletChange) -> Wallet | None:
    """The wallet after the change; None when its condition fails or there is nothing to change."""
    if isinstance(change, CloseHold):
        return _closed(wallet, change)
    if isinstance(change, Unchanged) or wallet.currency != currency:
        return None
    if isinstance(change, Credit):
        pays_nano = change.pays_debt_nano
        if wallet.debt_nano < pays_nano or (pays_nano < change.nano and wallet.debt_nano != pays_nano):
            return None
        return replace(
            wallet,
            available_nano=wallet.available_nano + change.nano - pays_nano,
            debt_nano=wallet.debt_nano - pays_nano,
            credits_total_nano=wallet.credits_total_nano + change.nano,
        )
    rest_nano = change.nano - change.becomes_debt_nano
    if wallet.available_nano < rest_nano or (change.becomes_debt_nano and wallet.available_nano != rest_nano):
        return None
    return replace(
        wallet,
        available_nano=wallet.available_nano - rest_nano,
        debt_nano=wallet.debt_nano + change.becomes_debt_nano,
        debits_total_nano=wallet.debits_total_nano + change.nano,
    )


def _closed(wallet: Wallet, change: CloseHold) -> Wallet | None:
    """The wallet after a hold was closed; None when that hold is not open."""
    hold = wallet.holds.get(change.hold_id)
    if hold is None or hold.nano != change.hold_nano:
        return None
    back_nano = change.hold_nano - change.charge_nano
    if change.back_to is not None:
        if change.back_to not in wallet.holds:
            return None
        holds = _grown(wallet, change.back_to, back_nano)
        return replace(
            wallet,
            held_nano=wallet.held_nano - change.charge_nano,
            debits_total_nano=wallet.debits_total_nano + change.charge_nano,
            holds={hold_id: other for hold_id, other in holds.items() if hold_id != change.hold_id},
        )
    return replace(
        wallet,
        available_nano=wallet.available_nano + back_nano,
        held_nano=wallet.held_nano - change.hold_nano,
        debits_total_nano=wallet.debits_total_nano + change.charge_nano,
        holds={hold_id: other for hold_id, other in wallet.holds.items() if hold_id != change.hold_id},
        key_spend_left_nano=_spend(wallet, change.limited_key_id, back_nano),
    )


def _grown(wallet: Wallet, hold_id: str, nano: int) -> dict[str, OpenHold]:
    """The open holds, one of them larger by `nano`."""
    grown = wallet.holds[hold_id]
    return {**wallet.holds, hold_id: replace(grown, nano=grown.nano + nano)}


def _spend(wallet: Wallet, key_id: str | None, nano: int) -> dict[str, int]:
    """What each limited key has left, after this key's part changed by `nano`."""
    left = dict(wallet.key_spend_left_nano)
    if key_id is not None:
        left[key_id] = left.get(key_id, 0) + nano
    return left
