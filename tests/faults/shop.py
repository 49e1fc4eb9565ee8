"""A world that sells balance: orders beside the ledger, and a bank. Processes as checkout runs them, with every call twisted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from tests.faults.bank import Bank
from tests.faults.faulty_store import Call, FaultyCalls
from tests.faults.world import ACCOUNT, START_MS, TRIES_MAX, Moment, World, ulid
from tokens_forge.checkout.books import OrderBooks
from tokens_forge.checkout.comparison import Comparison
from tokens_forge.checkout.limits import parse_limits
from tokens_forge.checkout.orders import Order
from tokens_forge.checkout.port import OrderStore, Repeat, Repeated
from tokens_forge.checkout.progress import Progress
from tokens_forge.checkout.refunding import Refunding
from tokens_forge.checkout.service import Checkout
from tokens_forge.checkout.trail import TrailLine, step_line
from tokens_forge.checkout.webhooks import Webhooks
from tokens_forge.keys import KeyLimits
from tokens_forge.limits import MinuteUse
from tokens_forge.money import Money
from tokens_forge.settlement import Balances, Refunds, RetryRule
from tokens_forge.store.port import LedgerStore
from tokens_forge.store.simulated_orders import SimulatedOrderStore
from tokens_forge.wallets import WalletKind

Answer = TypeVar("Answer")
BOUGHT_NANO = 10**9
ORDER_ID = f"ord_{ulid('d')}"
SESSION_ID = f"cs_{ORDER_ID}"


class FaultyOrderStore:
    """Implements `checkout.port.OrderStore` in front of another one."""

    def __init__(self, store: OrderStore, calls: FaultyCalls) -> None:
        self._store = store
        self._calls = calls

    def create(self, order: Order, line: TrailLine, repeat: Repeat | None = None) -> Repeated | None:
        return self._made("create", lambda: self._store.create(order, line, repeat))

    def read(self, order_id: str) -> Order | None:
        return self._made("read_order", lambda: self._store.read(order_id))

    def save(self, before: Order, after: Order, line: TrailLine) -> bool:
        return self._made("save", lambda: self._store.save(before, after, line))

    def note(self, order_id: str, line: TrailLine) -> bool:
        return self._made("note", lambda: self._store.note(order_id, line))

    def trail(self, order_id: str) -> list[TrailLine]:
        return self._store.trail(order_id)

    def order_of_payment(self, provider: str, payment_id: str) -> str | None:
        return self._made("order_of_payment", lambda: self._store.order_of_payment(provider, payment_id))

    def order_of_refund(self, refund_id: str) -> str | None:
        return self._made("order_of_refund", lambda: self._store.order_of_refund(refund_id))

    def of_account(self, account_id: str, *, before: str | None, limit: int) -> list[Order]:
        return self._made("orders_of_account", lambda: self._store.of_account(account_id, before=before, limit=limit))

    def of_day(self, kind: WalletKind, day: str) -> Iterator[str]:
        return iter(self._made("orders_of_day", lambda: list(self._store.of_day(kind, day))))

    def _made(self, operation: str, carry_out: Callable[[], Answer]) -> Answer:
        return self._calls.make(Call(operation, ()), carry_out)


class NoLimits:
    """Implements `limits.LimitStore`: nobody is in a hurry here."""

    def count(self, key_id: str, minute: int, tokens: int, limits: KeyLimits) -> MinuteUse:
        return MinuteUse(admitted=True, requests=1, tokens=0)

    def take_slot(self, key_id: str, slot: str, expires_at_ms: int, slots_max: int, now_ms: int) -> bool:
        return True

    def free_slot(self, key_id: str, slot: str) -> None:
        """Nothing was taken."""


@dataclass
class Processes:
    """What one process of checkout is made of."""

    checkout: Checkout
    webhooks: Webhooks
    refunding: Refunding
    comparison: Comparison
    progress: Progress


class ShopWorld(World):
    """A world with one order at most."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.orders = SimulatedOrderStore()
        self.bank = Bank(self.calls)
        self.faulty_orders = FaultyOrderStore(self.orders, self.calls)

    def order_books(self, store: LedgerStore) -> OrderBooks:
        """Twisted where the ledger is."""
        orders: Any = self.orders if store is self.store else self.faulty_orders
        return OrderBooks(orders, store, Refunds(self.books(store)))

    def processes(self, *, at_peace: bool = False) -> Processes:
        """A new process; at peace nothing goes wrong with its stores."""
        store: LedgerStore = self.store if at_peace else self.faulty
        orders: OrderStore = self.orders if at_peace else self.faulty_orders
        bank = replace(self.bank, calls=FaultyCalls(lambda _: None)) if at_peace else self.bank
        books = self.books(store)
        retry = RetryRule(TRIES_MAX, random_unit=lambda: 0.0)
        progress = Progress(orders, store, Balances(books), Refunds(books), self.clock, retry)
        providers = {bank.name: bank}
        checkout = Checkout(
            progress, store, providers, NoLimits(), self.clock, provider=bank.name, limits=parse_limits("USD 1 9")
        )
        refunding = Refunding(progress, providers)
        comparison = Comparison(progress, refunding, window_s=3600)
        return Processes(checkout, Webhooks(progress, checkout), refunding, comparison, progress)

    def now(self) -> Moment:
        seen, orders = super().now(), self.orders
        own = (orders.orders, orders.lines, orders.payments, orders.refunds, orders.repeats, self.bank.pages)
        return replace(seen, parts=(*seen.parts, *(dict(part) for part in own)))

    def back_to(self, moment: Moment) -> None:
        super().back_to(replace(moment, parts=moment.parts[:4]))
        orders = self.orders
        kept = (orders.orders, orders.lines, orders.payments, orders.refunds, orders.repeats, self.bank.pages)
        for part, then in zip(kept, moment.parts[4:], strict=True):
            # Delayed calls know these very dictionaries.
            part.clear()  # type: ignore[attr-defined]
            part.update(then)  # type: ignore[attr-defined]


def shop_of(world: World) -> ShopWorld:
    """Operations are made for any world; these need this one."""
    assert isinstance(world, ShopWorld)
    return world


def open_order(world: World) -> Order:
    """An order whose page is open, with nothing going wrong."""
    shop = shop_of(world)
    order = Order(
        order_id=ORDER_ID,
        account_id=ACCOUNT,
        kind=WalletKind.OFFICIAL,
        amount=Money(BOUGHT_NANO, "USD"),
        provider=shop.bank.name,
        key_id="key_0123456789abcdefghjk",
        page_token="token",
        created_at_ms=START_MS,
        return_url="https://forge.test",
    )
    shop.orders.create(order, step_line(order, START_MS, "created"))
    return shop.processes(at_peace=True).checkout.check(order)
