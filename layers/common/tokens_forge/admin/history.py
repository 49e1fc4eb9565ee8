"""What happened on one wallet's business: the receipts of a time, found by the intent records, which live for 30 days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tokens_forge.clock import Clock
from tokens_forge.ids import minute_of
from tokens_forge.intents import Intent
from tokens_forge.journal import Entry, EntryType, entry_id_of
from tokens_forge.repetition import RetryRule
from tokens_forge.store.port import EntryName, IntentRecord, LedgerStore
from tokens_forge.wallets import WalletKind

MINUTE_MS = 60_000
MINUTES_AT_ONCE = 60
REQUESTS_PER_PAGE = 2_000
MINUTES_PER_PAGE = 24 * 60


class RequestReader(Protocol):
    """Where intent records are read."""

    def of_minutes(self, kind: WalletKind, minutes: Sequence[str]) -> list[IntentRecord]:
        """Every record of these UTC minutes, minute by minute."""
        ...

    def find(self, kind: WalletKind, request_id: str) -> IntentRecord | None:
        """One record; None when there is none, or it is of the other business."""
        ...


@dataclass(frozen=True, slots=True)
class Window:
    """The entries of the requests that began from `from_ms` until before `to_ms`; `unsettled` have none yet."""

    from_ms: int
    to_ms: int
    entries: tuple[Entry, ...]
    unsettled: int


class History:
    """Reads. Its methods block."""

    def __init__(self, requests: RequestReader, ledger: LedgerStore, clock: Clock) -> None:
        self._requests = requests
        self._ledger = ledger
        self._clock = clock
        self._retry = RetryRule()

    def receipt(self, kind: WalletKind, request_id: str, account_id: str | None) -> Entry | None:
        """One receipt. Without an account it is found while its intent record lives. Raises ValueError for what is no id."""
        entry_id = entry_id_of(request_id, EntryType.REQUEST)
        if account_id is None:
            record = self._requests.find(kind, request_id)
            if record is None:
                return None
            account_id = record.intent.account_id
        return self._ledger.read_entry(account_id, kind, entry_id)

    def window(self, kind: WalletKind, from_ms: int, to_ms: int) -> Window:
        """From `from_ms` as far as one page goes, at most to `to_ms`. Whole minutes."""
        start_ms = from_ms - from_ms % MINUTE_MS
        end_ms = min(to_ms, start_ms + MINUTES_PER_PAGE * MINUTE_MS)
        intents: list[Intent] = []
        now_ms = start_ms
        while now_ms < end_ms and len(intents) < REQUESTS_PER_PAGE:
            until_ms = min(now_ms + MINUTES_AT_ONCE * MINUTE_MS, end_ms)
            minutes = [minute_of(minute_ms) for minute_ms in range(now_ms, until_ms, MINUTE_MS)]
            intents += [record.intent for record in self._requests.of_minutes(kind, minutes)]
            now_ms = until_ms
        settled, entries = self._entries(intents)
        return Window(start_ms, now_ms, tuple(entries), len(intents) - settled)

    def recent(self, kind: WalletKind, model_id: str, count: int, minutes_back: int) -> list[Entry]:
        """The newest receipts of a model that were charged, newest first, from the last minutes only."""
        found: list[Entry] = []
        now_ms = self._clock.now_ms()
        for back in range(0, minutes_back, MINUTES_AT_ONCE):
            last = min(back + MINUTES_AT_ONCE, minutes_back)
            minutes = [minute_of(now_ms - minute * MINUTE_MS) for minute in range(back, last)]
            intents = [record.intent for record in self._requests.of_minutes(kind, minutes)]
            _, entries = self._entries([intent for intent in intents if intent.model == model_id])
            charged = [entry for entry in entries if entry.request is not None and entry.request.charge_nano]
            found += sorted(charged, key=lambda entry: entry.entry_id, reverse=True)
            if len(found) >= count:
                break
        return found[:count]

    def _entries(self, intents: list[Intent]) -> tuple[int, list[Entry]]:
        """How many of these requests are settled, and their entries: also of a late charge after a void."""
        settled = self._read([_name(intent, EntryType.REQUEST) for intent in intents])
        voided = {entry.entry_id for entry in settled if entry.request is not None and not entry.request.charge_nano}
        late = [
            _name(intent, EntryType.LATE) for intent in intents if _name(intent, EntryType.REQUEST).entry_id in voided
        ]
        return len(settled), settled + self._read(late)

    def _read(self, names: list[EntryName]) -> list[Entry]:
        found = self._retry.again(lambda: self._ledger.read_entries(names), self._clock) if names else []
        return [entry for entry in found if isinstance(entry, Entry)]


def _name(intent: Intent, entry_type: EntryType) -> EntryName:
    return EntryName(intent.account_id, intent.kind, entry_id_of(intent.request_id, entry_type))
