"""Progress: bring one order as far as its provider's truth allows. Everybody who learns something of a payment comes here.

A step is one of two sorts. Either the order has promised a move of money, and it is made (again: it can only be made once) and
written down. Or the provider's truth differs from what the order says, and the order makes the promise that follows from it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from tokens_forge.checkout.orders import Order, OrderState, Taking, TakingKind, TakingState
from tokens_forge.checkout.port import (
    MoneyBack,
    NameTaken,
    OrderStore,
    Payment,
    PaymentStatus,
    Standing,
)
from tokens_forge.checkout.trail import TrailLine, step_line
from tokens_forge.clock import Clock
from tokens_forge.errors import NotFound
from tokens_forge.ids import new_id
from tokens_forge.money import Money
from tokens_forge.repetition import RetryRule
from tokens_forge.settlement import Balances, Refunds
from tokens_forge.store.port import LedgerStore, StoreSilent

STEPS_MAX = 200  # of one order at a time; whoever makes more will never end
_PREFIX = {TakingKind.REFUND: "rfd", TakingKind.DISPUTE: "dsp"}
Answer = TypeVar("Answer")

log = logging.getLogger("tokens_forge.checkout")


class Progress:
    """Takes the steps of orders. Its methods block, and raise StoreFault."""

    def __init__(
        self,
        store: OrderStore,
        ledger: LedgerStore,
        balances: Balances,
        refunds: Refunds,
        clock: Clock,
        retry: RetryRule | None = None,
    ) -> None:
        self.store = store
        self.refunds = refunds
        self.clock = clock
        self._ledger = ledger
        self._balances = balances
        self._retry = retry or RetryRule()

    def read(self, order_id: str) -> Order:
        """The order as it is stored. Raises NotFound."""
        order = self.again(lambda: self.store.read(order_id))
        if order is None:
            raise NotFound(f"There is no order {order_id!r}.")
        return order

    def save(self, before: Order, after: Order, what: str, **facts: str | None) -> bool:
        """Write the next version with its line of the trail; False when somebody else was faster. Raises NameTaken."""
        line = step_line(after, self.clock.now_ms(), what, **facts)
        return self.again(lambda: self.store.save(before, after, line))

    def note(self, order_id: str, line_id: str, what: str, **facts: str) -> None:
        """Add a line to the trail, if no line has this id."""
        line = TrailLine(line_id, self.clock.now_ms(), what, facts)
        self.again(lambda: self.store.note(order_id, line))

    def bring_on(self, order_id: str, payment: Payment | None = None) -> Order:
        """Keep what the order has promised, then let it follow the provider's truth, as far as it is known."""
        for _ in range(STEPS_MAX):
            order = self.read(order_id)
            if not self._keep_promise(order) and (payment is None or not self._follow(order, payment)):
                return order
        raise StoreSilent(f"{order_id} is being changed all the time")

    def again(self, operation: Callable[[], Answer]) -> Answer:
        """Ask the store until it answers. For what is conditional: a second try that finds its own first one is told so."""
        return self._retry.again(operation, self.clock)

    def _keep_promise(self, order: Order) -> bool:
        """Make one move of money that the order has promised; False when it has promised none."""
        if order.state is OrderState.PAID:
            entry = self._balances.top_up(
                order.account_id, order.kind, order.amount, order_id=order.order_id, source=order.provider
            )
            self.save(order, order.moved(OrderState.CREDITED), "credited", entry_id=entry.entry_id)
            return True
        moves = {
            TakingState.ACCEPTED: self._take,
            TakingState.RETURNING: self._return,
            TakingState.REFUSING: self._release,
        }
        promised = next((taking for taking in order.takings if taking.state in moves), None)
        if promised is None:
            return False
        moves[promised.state](order, promised)
        return True

    def _take(self, order: Order, taking: Taking) -> None:
        account_id, kind, order_id, source = order.account_id, order.kind, order.order_id, order.provider
        amount = Money(taking.nano, order.amount.currency)
        if taking.actor is not None:
            self.refunds.capture(account_id, kind, amount, refund_id=taking.taking_id, order_id=order_id, source=source)
        elif taking.nano:
            self._balances.take_back(
                account_id, kind, amount, entry_id=taking.entry_id, order_id=order_id, source=source
            )
        done = replace(taking, state=TakingState.TAKEN)
        entry_id = taking.entry_id if taking.nano else None
        self._save_taking(order, done, f"{taking.kind.value}_taken", entry_id=entry_id)

    def _return(self, order: Order, taking: Taking) -> None:
        entry_id = None
        if taking.nano:
            entry = self.again(lambda: self._ledger.read_entry(order.account_id, order.kind, taking.entry_id))
            assert entry is not None, "what was taken has an entry"
            entry_id = self._balances.reverse(entry).entry_id
        done = replace(taking, state=TakingState.RETURNED)
        self._save_taking(order, done, f"{taking.kind.value}_returned", entry_id=entry_id)

    def _release(self, order: Order, taking: Taking) -> None:
        entry = self.refunds.void(
            order.account_id,
            order.kind,
            order.amount.currency,
            refund_id=taking.taking_id,
            order_id=order.order_id,
        )
        self._save_taking(order, replace(taking, state=TakingState.REFUSED), "refund_refused", entry_id=entry.entry_id)

    def _follow(self, order: Order, payment: Payment) -> bool:
        """Take one step towards what the provider says; False when there is none."""
        if payment.order_id != order.order_id or order.session_id not in (None, payment.session_id):
            log.error("a payment of another order", extra={"order_id": order.order_id, "session": payment.session_id})
            return False
        if order.state is OrderState.CREATED:
            known = order.moved(OrderState.AWAITING_PAYMENT, session_id=payment.session_id)
            self.save(order, known, "page_found", session=payment.session_id)
            return True
        if order.is_open:
            return self._follow_payment(order, payment)
        return order.is_credited and any(self._follow_back(order, back) for back in payment.back)

    def _follow_payment(self, order: Order, payment: Payment) -> bool:
        if payment.status is PaymentStatus.PAID:
            as_ordered = payment.amount == order.amount
            state = OrderState.PAID if as_ordered else OrderState.MISMATCHED
            facts = {
                "amount": "ok" if payment.amount.nano == order.amount.nano else "wrong",
                "currency": "ok" if payment.amount.currency == order.amount.currency else "wrong",
                "received": f"{payment.amount} {payment.amount.currency}",
                "payment": payment.payment_id,
            }
            after = order.moved(state, payment_id=payment.payment_id, session_id=payment.session_id)
            try:
                self.save(order, after, state.value, **facts)
            except NameTaken:
                log.error("one payment for two orders", extra={"order_id": order.order_id, **facts})
                self.note(order.order_id, f"taken#{payment.payment_id}", "payment_of_another_order")
                return False
            return True
        ended = {PaymentStatus.EXPIRED: OrderState.EXPIRED, PaymentStatus.FAILED: OrderState.FAILED}.get(payment.status)
        if ended is None or order.state is not OrderState.AWAITING_PAYMENT:
            return False
        self.save(order, order.moved(ended), ended.value)
        return True

    def _follow_back(self, order: Order, back: MoneyBack) -> bool:
        """One refund or dispute of the provider's; False when the order knows it as it is."""
        known = order.takings_of_provider(back.provider_id)
        ours = order.taking(back.refund_id) if back.refund_id is not None else None
        if ours is not None and ours.state is TakingState.REQUESTED:
            known.append(ours)
        moved = (_taking_moved(taking, back) for taking in known)
        after = next((taking for taking in moved if taking is not None), None)
        after = after or _taking_begun(order, known, back, self.clock)
        if after is None:
            return False
        self._save_taking(
            order,
            after,
            f"{back.kind.value}_{after.state.value}",
            provider_id=back.provider_id,
            provider_status=back.word,
            amount=f"{Money(after.nano, order.amount.currency)} {order.amount.currency}",
        )
        return True

    def _save_taking(self, order: Order, after: Taking, what: str, **facts: str | None) -> None:
        self.save(order, order.with_taking(after), what, taking=after.taking_id, **facts)


def _taking_begun(order: Order, known: list[Taking], back: MoneyBack, clock: Clock) -> Taking | None:
    """A new taking for what the provider gave back or had taken; None when nothing more is due.

    It takes no more than is left of the order: a refund and a dispute never take twice. When one of them comes to nothing, the
    other takes what it could not take before.
    """
    if back.standing in (Standing.BACK, Standing.ONLY_ASKED):
        return None
    if back.amount.currency != order.amount.currency:
        log.error("money went back in another currency", extra={"order_id": order.order_id, "what": back.provider_id})
        return None
    due_nano = min(back.amount.nano - sum(taking.nano for taking in known if taking.counts), order.remaining_nano)
    if known and due_nano <= 0:
        return None
    return Taking(
        taking_id=new_id(_PREFIX[back.kind], clock.now_ms()),
        kind=back.kind,
        nano=due_nano,
        state=TakingState.ACCEPTED,
        provider_id=back.provider_id,
        closed=back.standing is Standing.LOST,
    )


def _taking_moved(taking: Taking, back: MoneyBack) -> Taking | None:
    """The taking after what the provider says of it; None when nothing follows from that."""
    is_back = back.standing is Standing.BACK
    if taking.state is TakingState.REQUESTED:
        state = TakingState.REFUSING if is_back else TakingState.ACCEPTED
        return replace(taking, state=state, provider_id=back.provider_id)
    if taking.state is not TakingState.TAKEN:
        return None
    if is_back:
        return replace(taking, state=TakingState.RETURNING)
    if back.standing is Standing.LOST and not taking.closed:
        return replace(taking, closed=True)
    return None
