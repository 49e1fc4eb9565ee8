"""Statements: the entries of one wallet, newest first, each with the balance after it.

The running balance is folded back from the wallet's own balance, so statement and balance agree by construction; a sum over
the whole journal is the reconciliation's work, not the reader's.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass

from tokens_forge.clock import Clock
from tokens_forge.errors import RequestError
from tokens_forge.ids import DAY_MS, day_of, time_ms_of, ulid_of
from tokens_forge.journal import Entry, EntryType, SettlementReason
from tokens_forge.store.port import LedgerStore
from tokens_forge.wallets import Wallet, WalletKind

PAGE_LINES_MAX = 200
CURSOR_LETTERS_MAX = 200  # ours have up to about 120; a table key of more than 1,024 bytes would be refused
DAYS_PER_PAGE_MAX = 400
READS_MAX = 5


@dataclass(frozen=True, slots=True)
class Line:
    """One entry and the balance after it, in nano of the wallet's currency."""

    entry: Entry
    balance_after_nano: int


@dataclass(frozen=True, slots=True)
class Page:
    """Part of a statement. `exact` is false when entries were being written while it was read, again and again."""

    wallet: Wallet
    lines: tuple[Line, ...]
    next_cursor: str | None
    exact: bool


class Statements:
    """Reads statements. Its methods block: call them from a worker thread."""

    def __init__(self, ledger: LedgerStore, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock

    def page(self, account_id: str, kind: WalletKind, *, cursor: str | None, limit: int) -> Page | None:
        """The lines before the cursor; None when the account has no such wallet. Raises RequestError for a bad cursor."""
        before, balance_nano = _parse_cursor(cursor, kind) if cursor else (None, None)
        wallet = self._ledger.read_wallet(account_id, kind)
        if wallet is None:
            return None
        entries, exact = self._entries(wallet, before, limit + 1), True
        if (
            balance_nano is None
        ):  # only the first page leans on the wallet's balance; the cursor carries it to the others
            wallet, entries, exact = self._read_together(wallet, entries, limit + 1)
        start_nano = wallet.balance_nano if balance_nano is None else balance_nano
        lines = tuple(_lines(entries[:limit], start_nano))
        next_cursor = None
        if len(entries) > limit:
            last = lines[-1]
            next_cursor = _cursor(kind, last.entry.entry_id, last.balance_after_nano - last.entry.wallet_nano)
        return Page(wallet, tuple(line for line in lines if _tells(line.entry)), next_cursor, exact)

    def receipts(
        self, account_id: str, kind: WalletKind, *, cursor: str | None, limit: int
    ) -> tuple[list[Entry], str | None]:
        """The receipts before the cursor, newest first, and the next cursor."""
        before = _parse_cursor(cursor, kind)[0] if cursor else None
        wallet = self._ledger.read_wallet(account_id, kind)
        if wallet is None:
            return [], None
        found: list[Entry] = []
        while len(found) <= limit:
            entries = self._entries(wallet, before, limit + 1)
            found += [entry for entry in entries if entry.request is not None and _tells(entry)]
            if len(entries) <= limit:
                break
            before = entries[-1].entry_id
        more = _cursor(kind, found[limit - 1].entry_id, 0) if len(found) > limit else None
        return found[:limit], more

    def _read_together(self, wallet: Wallet, entries: list[Entry], limit: int) -> tuple[Wallet, list[Entry], bool]:
        """The wallet and its newest entries as they were at one moment, if the wallet rests long enough for that."""
        for _ in range(READS_MAX):
            again = self._ledger.read_wallet(wallet.account_id, wallet.kind)
            assert again is not None, "a wallet is never deleted"
            if _totals(again) == _totals(wallet):
                return again, entries, True
            wallet, entries = again, self._entries(again, None, limit)
        return wallet, entries, False

    def _entries(self, wallet: Wallet, before: str | None, limit: int) -> list[Entry]:
        entries: list[Entry] = []
        for day in _days_back(self._newest_ms(before), wallet.opened_at_ms):
            if len(entries) >= limit:
                break
            entries += self._ledger.day_entries(
                wallet.account_id, wallet.kind, day, before=before, limit=limit - len(entries)
            )
        return entries

    def _newest_ms(self, before: str | None) -> int:
        # A clock that runs behind the writer's must not hide an entry of the next day.
        return time_ms_of(before.partition(".")[0]) if before else self._clock.now_ms() + DAY_MS


def _days_back(newest_ms: int, oldest_ms: int) -> Iterator[str]:
    newest_day, oldest_day = newest_ms // DAY_MS, oldest_ms // DAY_MS
    for day in range(newest_day, max(oldest_day, newest_day - DAYS_PER_PAGE_MAX) - 1, -1):
        yield day_of(day * DAY_MS)


def _tells(entry: Entry) -> bool:
    """Whether the entry tells its reader something: not one that only stands in the way of what must not come any more."""
    if entry.request is None:
        # A refund that came to nothing moved nothing; of a run its steps have told it all.
        return bool(entry.postings) and entry.type is not EntryType.RUN
    only_bars_a_late_charge = entry.type is EntryType.LATE and entry.request.reason is SettlementReason.REPEATED
    return entry.request.reason is not SettlementReason.NOT_HELD and not only_bars_a_late_charge


def _lines(entries: list[Entry], balance_nano: int) -> Iterator[Line]:
    for entry in entries:
        yield Line(entry, balance_nano)
        balance_nano -= entry.wallet_nano


def _totals(wallet: Wallet) -> tuple[int, int]:
    return wallet.credits_total_nano, wallet.debits_total_nano


def _cursor(kind: WalletKind, entry_id: str, balance_nano: int) -> str:
    return base64.urlsafe_b64encode(f"{kind.value}|{entry_id}|{balance_nano}".encode()).decode()


def _parse_cursor(cursor: str, kind: WalletKind) -> tuple[str, int]:
    try:
        cursor_kind, entry_id, balance = base64.urlsafe_b64decode(cursor.encode()).decode().split("|")
        ulid_of(entry_id.partition(".")[0])
        if cursor_kind != kind.value:
            raise ValueError("another wallet's cursor")
        return entry_id, int(balance)
    except (ValueError, binascii.Error):
        raise RequestError("This cursor is not one of this statement's.", param="cursor") from None
