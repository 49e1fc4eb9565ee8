"""Refunds of orders: the money goes back to the buyer, its balance out of the wallet. Above a limit a second admin must approve."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tokens_forge.admin.audit import Author
from tokens_forge.admin.moves import UNFINISHED, Move, MoveRules, Moves, MoveState, MoveStore
from tokens_forge.admin.orders import order_of
from tokens_forge.checkout.orders import TakingState
from tokens_forge.checkout.port import OrderStore
from tokens_forge.checkout.refunding import Refunding, check_id, check_new, check_refundable
from tokens_forge.errors import Conflict, IdempotencyKeyReused, NotFound, RequestError
from tokens_forge.ids import new_id
from tokens_forge.money import Money
from tokens_forge.wallets import WalletKind

_CAME_TO_NOTHING = (TakingState.REFUSED, TakingState.RETURNED)


class OrderRefunds(Moves):
    """Its methods block. Raises ForgeError. `refunding` is made when it is first needed: it brings the provider's library."""

    word = "refund"

    def __init__(
        self, store: MoveStore, rules: MoveRules, orders: OrderStore, refunding: Callable[[], Refunding]
    ) -> None:
        super().__init__(store, rules)
        self._orders = orders
        self._refunding = refunding

    def request(self, kind: WalletKind, order_id: str, amount: str, author: Author, refund_id: str | None) -> Move:
        """Refund a part of an order at once, or leave the refund pending for a second admin.

        Asked again under the same `refund_id` (`rfd_` and a ULID of now) it goes on, and nothing is refunded twice.
        """
        order = order_of(self._orders, kind, order_id)
        try:
            asked = Money.parse(amount, order.amount.currency)
        except ValueError:
            raise RequestError("An amount is a decimal string such as 12.50.", param="amount") from None
        refund_id = refund_id or new_id("rfd", self._clock.now_ms())
        check_id(refund_id)
        known = self._store.read_move(kind, refund_id)
        if known is not None:
            if (known.order_id, known.nano) != (order_id, asked.nano):
                raise IdempotencyKeyReused(f"{refund_id} is another refund.", param="refund_id")
            return self._post(known, author) if known.state in UNFINISHED else known
        check_new(refund_id, self._clock.now_ms())
        check_refundable(order, asked)
        return self._begin(
            Move(
                move_id=refund_id,
                kind=kind,
                account_id=order.account_id,
                nano=asked.nano,
                currency=asked.currency,
                reason=author.reason,
                requested_by=author.actor,
                state=MoveState.OPEN,
                order_id=order_id,
                taking_id=refund_id,
            ),
            author,
        )

    def _details(self, move: Move) -> dict[str, Any]:
        return {"order_id": move.order_id, "taking_id": move.taking_id}

    def _move(self, before: Move, to: MoveState, author: Author, **changes: str) -> Move:
        if to is MoveState.APPROVED:  # the order knows it from now on, under an id of now: its entry is one of today
            changes["taking_id"] = new_id("rfd", self._clock.now_ms())
        return super()._move(before, to, author, **changes)

    def _post(self, move: Move, author: Author) -> Move:
        """What the provider has not answered stays as it is, to be asked again."""
        assert move.order_id is not None and move.taking_id is not None, "a refund is of an order"
        try:
            _, taking = self._refunding().refund(
                move.order_id,
                Money(move.nano, move.currency),
                reason=move.reason,
                actor=move.requested_by,
                refund_id=move.taking_id,
            )
        except (Conflict, RequestError, NotFound):
            order = self._orders.read(move.order_id)
            if order is not None and order.taking(move.taking_id) is None:
                self._move(move, MoveState.REFUSED, author)  # the order has changed since it was asked for
            raise
        if taking.state in _CAME_TO_NOTHING:
            refused = self._move(move, MoveState.REFUSED, author)
            raise Conflict(
                f"The refund {move.move_id} was refused, and nothing was taken: the trail of the order says why.",
                extras={"current": self.view(refused)},
            )
        if taking.state is not TakingState.TAKEN:
            return move
        return self._move(move, MoveState.POSTED, author, entry_id=taking.entry_id)
