"""Orders in the reconciliation: every paid order has its entry and every such entry its order, as with what was taken back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from tokens_forge.checkout.orders import Order, OrderState, TakingState
from tokens_forge.checkout.port import OrderStore
from tokens_forge.ids import ulid_of
from tokens_forge.journal import Entry, EntryType
from tokens_forge.settlement import Refunds
from tokens_forge.store.port import LedgerStore
from tokens_forge.wallets import OpenHold, Wallet

PROVIDERS = ("stripe", "sandbox")
PAGE = 100
_CLEARING = frozenset(f"clearing:{provider}" for provider in PROVIDERS)
_DONE = (TakingState.TAKEN, TakingState.RETURNING, TakingState.RETURNED)
_UNDONE = f".{EntryType.REVERSAL.value}-of-"
Problem = tuple[str, str, str]  # problem, subject, detail


class OrderBooks:
    """Compares orders with entries. Its methods block, and raise StoreFault."""

    def __init__(self, orders: OrderStore, ledger: LedgerStore, refunds: Refunds) -> None:
        self._orders = orders
        self._ledger = ledger
        self._refunds = refunds

    def problems(self, wallet: Wallet, entries: Iterable[Entry]) -> Iterator[Problem]:
        """What does not fit between this wallet's orders and its entries, which were read before.

        The promise of an entry is written before it, so an order that is read now knows of every entry that was read then. The
        other way round an entry may be younger than what was read: it is looked for once more.
        """
        found = {entry.entry_id: entry.wallet_nano for entry in entries if _is_of_an_order(entry)}
        done: dict[str, int] = {}
        promised: dict[str, int] = {}
        for order in self._orders_of(wallet):
            done.update(_entries_done(order))
            promised.update(_entries_promised(order))
        for entry_id, nano in sorted(done.items()):
            there = found.get(entry_id)
            if there is None:
                again = self._ledger.read_entry(wallet.account_id, wallet.kind, entry_id)
                there = again.wallet_nano if again is not None else None
            if there != nano:
                yield "order_without_entry", entry_id, f"order {nano}, entry {there}"
        for entry_id, nano in sorted(found.items()):
            if entry_id not in done and promised.get(entry_id) != nano:
                yield "entry_without_order", entry_id, f"{nano} nano"

    def explains(self, wallet: Wallet, hold: OpenHold) -> bool:
        """Whether a hold is that of a refund that is still going on. One of a refund that has ended is given back here."""
        if not hold.hold_id.startswith("rfd_"):
            return False
        if self._refunds.release_leftover(wallet.account_id, wallet.kind, hold.hold_id):
            return True
        order_id = self._orders.order_of_refund(hold.hold_id)
        order = self._orders.read(order_id) if order_id is not None else None
        taking = order.taking(hold.hold_id) if order is not None else None
        return taking is not None and taking.nano == hold.nano and taking.state not in (*_DONE, TakingState.REFUSED)

    def _orders_of(self, wallet: Wallet) -> Iterator[Order]:
        before = None
        while page := self._orders.of_account(wallet.account_id, before=before, limit=PAGE):
            yield from (order for order in page if order.kind is wallet.kind)
            before = page[-1].order_id


def _is_of_an_order(entry: Entry) -> bool:
    # A top-up is reversed by hand only: then its order stays as it was.
    by_hand = entry.entry_id.endswith(f"{_UNDONE}{EntryType.TOP_UP.value}")
    return not by_hand and any(posting.book_account in _CLEARING for posting in entry.postings)


def _entries_done(order: Order) -> Mapping[str, int]:
    """The entries that an order says were posted, and what each does to the wallet."""
    entries = {order.entry_id: order.amount.nano} if order.is_credited else {}
    for taking in order.takings:
        if taking.state in _DONE and taking.nano:
            entries[taking.entry_id] = -taking.nano
        if taking.state is TakingState.RETURNED and taking.nano:
            entries[_undone(taking.entry_id)] = taking.nano
    return entries


def _entries_promised(order: Order) -> Mapping[str, int]:
    """The entries that may be there already."""
    entries = {order.entry_id: order.amount.nano} if order.state is OrderState.PAID else {}
    for taking in order.takings:
        if taking.state is TakingState.ACCEPTED:
            entries[taking.entry_id] = -taking.nano
        if taking.state is TakingState.RETURNING:
            entries[_undone(taking.entry_id)] = taking.nano
    return entries


def _undone(entry_id: str) -> str:
    ulid, _, entry_type = entry_id.partition(".")
    return f"{ulid_of(ulid)}{_UNDONE}{entry_type}"
