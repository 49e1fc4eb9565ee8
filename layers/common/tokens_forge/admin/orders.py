"""Orders of one wallet, as admins see them: by day, newest first, and each with its whole trail."""

from __future__ import annotations

from collections.abc import Iterator

from tokens_forge.checkout.orders import Order, OrderState
from tokens_forge.checkout.port import OrderStore
from tokens_forge.checkout.trail import TrailLine
from tokens_forge.clock import Clock
from tokens_forge.errors import NotFound
from tokens_forge.ids import DAY_MS, day_of, time_ms_of
from tokens_forge.wallets import WalletKind


class OrderBook:
    """Its methods block."""

    def __init__(self, store: OrderStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def read(self, kind: WalletKind, order_id: str) -> tuple[Order, list[TrailLine]]:
        """An order of this wallet, and everything that happened to it. Raises NotFound."""
        return order_of(self._store, kind, order_id), self._store.trail(order_id)

    def page(
        self,
        kind: WalletKind,
        *,
        since_ms: int,
        account_id: str | None,
        state: OrderState | None,
        before: str | None,
        limit: int,
    ) -> list[Order]:
        """Up to `limit` orders since a moment, newest first, those before this order id only."""
        found: list[Order] = []
        for order_id in self._ids(kind, since_ms, before):
            order = self._store.read(order_id)
            assert order is not None, "an order's day points to it"
            if account_id in (None, order.account_id) and state in (None, order.state):
                found.append(order)
                if len(found) == limit:
                    break
        return found

    def _ids(self, kind: WalletKind, since_ms: int, before: str | None) -> Iterator[str]:
        newest_ms = time_ms_of(before) if before is not None else self._clock.now_ms() + DAY_MS
        for day in range(newest_ms // DAY_MS, since_ms // DAY_MS - 1, -1):
            for order_id in self._store.of_day(kind, day_of(day * DAY_MS)):
                if (before is None or order_id < before) and time_ms_of(order_id) >= since_ms:
                    yield order_id


def order_of(store: OrderStore, kind: WalletKind, order_id: str) -> Order:
    """An order of this wallet. Raises NotFound, for another wallet's too."""
    order = store.read(order_id)
    if order is None or order.kind is not kind:
        raise NotFound(f"There is no order {order_id!r} of the {kind.label}.")
    return order
