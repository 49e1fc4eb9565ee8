"""A ledger store whose calls go wrong as a strategy says, in front of any other ledger store.

    calls = FaultyCalls(lambda call: CallFault.REPLY_LOST if call.operation == "post" else None)
    store = FaultyLedgerStore(SimulatedLedgerStore(), calls)

The strategy is asked before every call: a script, an exhaustive enumeration or a random generator can stand behind it, and may do
anything else at that moment, such as letting another process run. What arrives late waits in `calls.delayed`, and the harness
delivers it when it likes, in any order. Clocks that go wrong are in `clocks.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar

from tests.support.dynamodb_faults import Crash
from tokens_forge.intents import Intent, Outcome
from tokens_forge.journal import Entry
from tokens_forge.store.port import (
    EntryName,
    HoldAnswer,
    IntentRecord,
    LedgerStore,
    PostAnswer,
    StoreConflict,
    StoreFault,
    StoreSilent,
    StoreThrottled,
    Unreadable,
    WalletChange,
)
from tokens_forge.sweeper import CursorStore
from tokens_forge.wallets import HoldRequest, OpenHold, Wallet, WalletKind

Answer = TypeVar("Answer")
WalletKey = tuple[str, WalletKind]


class CallFault(Enum):
    """What happens to one call."""

    CRASH_BEFORE = "the process dies before the call"
    CRASH_AFTER = "carried out, then the process dies"
    REPLY_LOST = "carried out, but the answer never comes"
    NEVER_ARRIVED = "not carried out, and no answer comes"
    LATE = "no answer comes; it is carried out when the harness delivers it"
    TWICE = "carried out and answered; it is carried out again when the harness delivers it"
    CONFLICT = "refused: another transaction touches the item"
    THROTTLE = "refused: too many requests"
    STALE = "a read is answered as things stood before the last change"


# Every other read of the product is a consistent one (ConsistentRead=True in the real store), because something is concluded from
# what it does not show. A scan goes on while others write, so it alone may show a wallet as it was.
STALE_READS = frozenset({"every_wallet"})
READS = frozenset(
    {"read_wallet", "read_intent", "minute_intents", "read_entry", "day_entries", "book", "every_wallet", "read_cursor"}
)
# Those of checkout's store and bank: `shop.py`, `bank.py`.
READS_OF_CHECKOUT = frozenset(
    {
        "read_order",
        "order_of_payment",
        "order_of_refund",
        "orders_of_account",
        "orders_of_day",
        "bank_read",
        "bank_list",
    }
)
# Intents and cursors are written by single calls only: no transaction can be in their way.
WITHOUT_CONFLICT = frozenset({"put_intent", "record_outcome", "record_checkpoint", "write_cursor"})
# A read that dies before or after is the same death, and one that arrives late is the same as one that never does.
_OF_READS = (CallFault.CRASH_BEFORE, CallFault.NEVER_ARRIVED, CallFault.THROTTLE)


def faults_of(operation: str) -> tuple[CallFault, ...]:
    """Every fault that this operation of the ledger or cursor store can have, each one that makes a difference."""
    if operation in READS | READS_OF_CHECKOUT:
        return (*_OF_READS, CallFault.STALE) if operation in STALE_READS else _OF_READS
    skipped = {CallFault.STALE} | ({CallFault.CONFLICT} if operation in WITHOUT_CONFLICT else set())
    return tuple(fault for fault in CallFault if fault not in skipped)


@dataclass(frozen=True, slots=True)
class Call:
    """One call, before it is carried out."""

    operation: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Delayed:
    """A call on its way. Nobody waits for its answer any more."""

    call: Call
    carry_out: Callable[[], object]


Strategy = Callable[[Call], CallFault | None]


class FaultyCalls:
    """Carries calls out, or not, as the strategy says. Several stores and several processes may share one."""

    def __init__(self, strategy: Strategy) -> None:
        self.strategy = strategy
        self.delayed: list[Delayed] = []

    def deliver(self, index: int = 0) -> Call:
        """Let one delayed call arrive. If the store refuses it, nobody hears of that."""
        message = self.delayed.pop(index)
        with suppress(StoreFault):
            message.carry_out()
        return message.call

    def make(self, call: Call, carry_out: Callable[[], Answer], stale: Callable[[], Answer] | None = None) -> Answer:
        """One call with its fault. Raises Crash, StoreConflict, StoreThrottled or StoreSilent, as the fault is."""
        fault = self.strategy(call)
        match fault:
            case None:
                return carry_out()
            case CallFault.CRASH_BEFORE:
                raise Crash(call.operation)
            case CallFault.CRASH_AFTER:
                carry_out()
                raise Crash(call.operation)
            case CallFault.REPLY_LOST:
                carry_out()
                raise StoreSilent(fault.value)
            case CallFault.NEVER_ARRIVED:
                raise StoreSilent(fault.value)
            case CallFault.LATE:
                self.delayed.append(Delayed(call, carry_out))
                raise StoreSilent(fault.value)
            case CallFault.TWICE:
                self.delayed.append(Delayed(call, carry_out))
                return carry_out()
            case CallFault.CONFLICT:
                raise StoreConflict(fault.value)
            case CallFault.THROTTLE:
                raise StoreThrottled(fault.value)
            case CallFault.STALE:
                assert stale is not None, f"{call.operation} is a consistent read: see STALE_READS"
                return stale()


class FaultyLedgerStore:
    """Implements `store.port.LedgerStore` in front of another one."""

    def __init__(self, store: LedgerStore, calls: FaultyCalls) -> None:
        self._store = store
        self._calls = calls
        self.before_last_change: dict[WalletKey, Wallet] = {}

    def open_wallet(self, wallet: Wallet) -> bool:
        return self._write(self._store.open_wallet, wallet)

    def read_wallet(self, account_id: str, kind: WalletKind) -> Wallet | None:
        return self._read(self._store.read_wallet, account_id, kind)

    def put_intent(self, intent: Intent) -> None:
        self._write(self._store.put_intent, intent)

    def record_outcome(self, intent: Intent, outcome: Outcome) -> None:
        self._write(self._store.record_outcome, intent, outcome)

    def record_checkpoint(self, intent: Intent, progress: Outcome) -> None:
        self._write(self._store.record_checkpoint, intent, progress)

    def read_intent(self, request_id: str) -> IntentRecord | None:
        return self._read(self._store.read_intent, request_id)

    def minute_intents(self, minute: str) -> list[IntentRecord]:
        return self._read(self._store.minute_intents, minute)

    def place_hold(self, request: HoldRequest) -> HoldAnswer:
        return self._write(self._store.place_hold, request, wallet=(request.account_id, request.kind))

    def post(self, entry: Entry, change: WalletChange) -> PostAnswer:
        return self._write(self._store.post, entry, change, wallet=(entry.account_id, entry.kind))

    def release_hold(self, entry_id: str, account_id: str, kind: WalletKind, hold: OpenHold) -> bool:
        return self._write(self._store.release_hold, entry_id, account_id, kind, hold, wallet=(account_id, kind))

    def freeze_wallet(self, account_id: str, kind: WalletKind) -> None:
        self._write(self._store.freeze_wallet, account_id, kind, wallet=(account_id, kind))

    def every_wallet(self) -> Iterator[Wallet]:
        def now() -> list[Wallet]:
            return list(self._store.every_wallet())

        def before() -> list[Wallet]:
            return [self.before_last_change.get((wallet.account_id, wallet.kind), wallet) for wallet in now()]

        return iter(self._calls.make(Call("every_wallet", ()), now, before))

    def read_entry(self, account_id: str, kind: WalletKind, entry_id: str) -> Entry | None:
        return self._read(self._store.read_entry, account_id, kind, entry_id)

    def read_entries(self, names: Iterable[EntryName]) -> list[Entry | Unreadable]:
        return self._read(self._store.read_entries, names)

    def day_entries(
        self, account_id: str, kind: WalletKind, day: str, *, before: str | None, limit: int
    ) -> list[Entry]:
        call = Call("day_entries", (account_id, kind, day, before, limit))
        return self._calls.make(
            call, lambda: self._store.day_entries(account_id, kind, day, before=before, limit=limit)
        )

    def book(self, account_id: str, kind: WalletKind, day: str) -> Iterator[Entry | Unreadable]:
        call = Call("book", (account_id, kind, day))
        return iter(self._calls.make(call, lambda: list(self._store.book(account_id, kind, day))))

    def raise_auth_epoch(self, account_id: str, kind: WalletKind) -> None:
        self._write(self._store.raise_auth_epoch, account_id, kind, wallet=(account_id, kind))

    def set_key_spend_limit(self, account_id: str, kind: WalletKind, key_id: str, nano: int | None) -> None:
        self._write(self._store.set_key_spend_limit, account_id, kind, key_id, nano, wallet=(account_id, kind))

    def _read(self, operation: Callable[..., Answer], *arguments: Any) -> Answer:
        return self._calls.make(Call(operation.__name__, arguments), lambda: operation(*arguments))

    def _write(self, operation: Callable[..., Answer], *arguments: Any, wallet: WalletKey | None = None) -> Answer:
        """`wallet` is the one that the call may change."""

        def carry_out() -> Answer:
            old = self._store.read_wallet(*wallet) if wallet is not None else None
            answer = operation(*arguments)
            # A refused write changes nothing, and must not wipe out what a stale read would show.
            if wallet is not None and old is not None and self._store.read_wallet(*wallet) != old:
                self.before_last_change[wallet] = old
            return answer

        return self._calls.make(Call(operation.__name__, arguments), carry_out)


class FaultyCursors:
    """Implements `sweeper.CursorStore` in front of another one."""

    def __init__(self, cursors: CursorStore, calls: FaultyCalls) -> None:
        self._cursors = cursors
        self._calls = calls

    def read_cursor(self, name: str) -> str | None:
        return self._calls.make(Call("read_cursor", (name,)), lambda: self._cursors.read_cursor(name))

    def write_cursor(self, name: str, value: str) -> None:
        self._calls.make(Call("write_cursor", (name, value)), lambda: self._cursors.write_cursor(name, value))
