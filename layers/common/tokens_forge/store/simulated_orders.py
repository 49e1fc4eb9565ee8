"""An order store in memory, with the same operations and conditions as the DynamoDB one. For tests, never for a deployment."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Lock

from tokens_forge.checkout.orders import Order, check_step
from tokens_forge.checkout.port import NameTaken, Repeat, Repeated
from tokens_forge.checkout.trail import TrailLine
from tokens_forge.ids import day_of, time_ms_of
from tokens_forge.wallets import WalletKind


class SimulatedOrderStore:
    """Implements `checkout.port.OrderStore`. Each operation is atomic, as each call to DynamoDB is."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.orders: dict[str, Order] = {}
        self.lines: dict[tuple[str, str], TrailLine] = {}
        self.payments: dict[tuple[str, str], str] = {}
        self.refunds: dict[str, str] = {}
        self.repeats: dict[tuple[str, str], Repeated] = {}

    def create(self, order: Order, line: TrailLine, repeat: Repeat | None = None) -> Repeated | None:
        """Write a new order; None when it was written, now or by the first sending of this same call."""
        with self._lock:
            before = self.repeats.get((repeat.account_id, repeat.key)) if repeat is not None else None
            if before is not None and before.order_id != order.order_id:
                return before
            if order.order_id not in self.orders:
                self.orders[order.order_id] = order
                self.lines[(order.order_id, line.line_id)] = line
                if repeat is not None:
                    self.repeats[(repeat.account_id, repeat.key)] = Repeated(order.order_id, repeat.asked)
            return None

    def read(self, order_id: str) -> Order | None:
        """A consistent read."""
        with self._lock:
            return self.orders.get(order_id)

    def save(self, before: Order, after: Order, line: TrailLine) -> bool:
        """Write the next version over `before`; False when that is not the stored version any more."""
        check_step(before, after)
        with self._lock:
            stored = self.orders.get(after.order_id)
            if stored is None or (stored.version, stored.state) != (before.version, before.state):
                return False
            begun = [
                taking.taking_id
                for taking in after.takings
                if taking.actor is not None and before.taking(taking.taking_id) is None
            ]
            is_new = after.payment_id is not None and before.payment_id is None
            payment = (after.provider, after.payment_id or "")
            if (is_new and payment in self.payments) or any(refund_id in self.refunds for refund_id in begun):
                raise NameTaken(after.order_id)
            if is_new:
                self.payments[payment] = after.order_id
            self.refunds.update(dict.fromkeys(begun, after.order_id))
            self.orders[after.order_id] = after
            self.lines[(after.order_id, line.line_id)] = line
            return True

    def note(self, order_id: str, line: TrailLine) -> bool:
        """Add a line to a trail; False when it is there already."""
        with self._lock:
            return self.lines.setdefault((order_id, line.line_id), line) is line

    def trail(self, order_id: str) -> list[TrailLine]:
        """The whole trail, oldest first; steps of one millisecond in their own order."""
        with self._lock:
            found = [line for (of, _), line in self.lines.items() if of == order_id]
        return sorted(found, key=lambda line: (line.at_ms, line.line_id))

    def order_of_payment(self, provider: str, payment_id: str) -> str | None:
        """The order that a payment pays. A consistent read."""
        return self.payments.get((provider, payment_id))

    def order_of_refund(self, refund_id: str) -> str | None:
        """The order that a refund of ours is of. A consistent read."""
        return self.refunds.get(refund_id)

    def of_account(self, account_id: str, *, before: str | None, limit: int) -> list[Order]:
        """Up to `limit` orders, newest first, those before this order id only."""
        with self._lock:
            found = [order for order in self.orders.values() if order.account_id == account_id]
        found.sort(key=lambda order: order.order_id, reverse=True)
        return [order for order in found if before is None or order.order_id < before][:limit]

    def of_day(self, kind: WalletKind, day: str) -> Iterator[str]:
        """The ids of every order of one wallet's business created on one UTC day such as `2026-11-24`, newest first."""
        of_kind = [order_id for order_id, order in self.orders.items() if order.kind is kind]
        yield from sorted((order_id for order_id in of_kind if day_of(time_ms_of(order_id)) == day), reverse=True)
