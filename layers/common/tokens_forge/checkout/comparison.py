"""The daily comparison: the provider's list of payments against our orders, both ways.

A payment whose webhook never came is found and credited, by the same path. An order that was credited though the provider knows no
payment of it is told. So is everything else that needs somebody to look.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tokens_forge.checkout.orders import Order, OrderState, TakingState
from tokens_forge.checkout.port import (
    Payment,
    PaymentProvider,
    PaymentStatus,
    ProviderRefused,
    ProviderSilent,
    Standing,
)
from tokens_forge.checkout.progress import Progress
from tokens_forge.checkout.refunding import Refunding
from tokens_forge.ids import DAY_MS, day_of
from tokens_forge.wallets import WalletKind

_GONE = (Standing.GONE, Standing.LOST)


@dataclass(frozen=True, slots=True)
class OrderFinding:
    """One thing that does not fit. `subject` is the provider's id, or the order's."""

    problem: str
    order_id: str
    subject: str
    detail: str = ""


@dataclass(slots=True)
class Compared:
    """What one run saw. `found_late` are the orders that it credited."""

    started_at_ms: int
    provider: str
    payments: int = 0
    orders: int = 0
    found_late: list[str] = field(default_factory=list)
    findings: list[OrderFinding] = field(default_factory=list)


class Comparison:
    """Compares one provider's payments with the orders. Its methods block, and raise StoreFault."""

    def __init__(self, progress: Progress, refunding: Refunding, *, window_s: int) -> None:
        self._progress = progress
        self._refunding = refunding
        self._window_ms = window_s * 1000

    def run(self, provider: PaymentProvider, time_is_left: Callable[[], bool]) -> Compared:
        """Compare everything of the window once, as long as time is left. A provider that does not answer is a finding."""
        now_ms = self._progress.clock.now_ms()
        done = Compared(now_ms, provider.name)
        since_ms = now_ms - self._window_ms
        looked_at: set[str] = set()
        try:
            for session_id in provider.sessions_since(since_ms):
                if not time_is_left():
                    break
                self._look(provider, session_id, done, looked_at)
            for payment_id in provider.payments_with_money_back_since(since_ms):
                order_id = self._progress.store.order_of_payment(provider.name, payment_id)
                order = self._progress.read(order_id) if order_id is not None else None
                if order is not None and order.session_id is not None:
                    self._look(provider, order.session_id, done, looked_at, order)
        except ProviderSilent as silent:
            done.findings.append(OrderFinding("provider_did_not_answer", "", provider.name, str(silent)))
        for order in self._orders_since(since_ms, now_ms):
            if not time_is_left():
                done.findings.append(OrderFinding("not_finished", order.order_id, provider.name))
                break
            done.orders += 1
            if order.provider == provider.name and order.session_id is not None:
                self._look(provider, order.session_id, done, looked_at, order)
            self._finish_refunds(order, done)
        return done

    def _orders_since(self, since_ms: int, now_ms: int) -> Iterator[Order]:
        for day in range(since_ms // DAY_MS, now_ms // DAY_MS + 2):
            for kind in WalletKind:
                for order_id in self._progress.store.of_day(kind, day_of(day * DAY_MS)):
                    yield self._progress.read(order_id)

    def _look(
        self,
        provider: PaymentProvider,
        session_id: str,
        done: Compared,
        looked_at: set[str],
        order: Order | None = None,
    ) -> None:
        """Compare one page with its order, once. `order` is the one that names this page, if that is why we look."""
        if session_id in looked_at:
            return
        looked_at.add(session_id)
        try:
            payment = provider.read_payment(session_id)
        except ProviderSilent as silent:
            done.findings.append(OrderFinding("provider_did_not_answer", "", session_id, str(silent)))
            return
        except ProviderRefused as refused:
            is_credited = order is not None and order.is_credited
            problem = "credit_without_payment" if is_credited else "page_unknown_to_provider"
            done.findings.append(OrderFinding(problem, order.order_id if order else "", session_id, str(refused)))
            return
        done.payments += 1
        before = self._progress.store.read(payment.order_id) if payment.order_id is not None else None
        if before is None or before.session_id not in (None, session_id):
            if payment.status is PaymentStatus.PAID and not _is_given_back(payment):
                problem = "payment_without_order" if before is None else "paid_twice"
                done.findings.append(OrderFinding(problem, payment.order_id or "", session_id, _amount_of(payment)))
            return
        after = self._progress.bring_on(before.order_id, payment)
        if after.is_credited and not before.is_credited:
            done.found_late.append(after.order_id)
        done.findings.extend(_misfits(after, payment))

    def _finish_refunds(self, order: Order, done: Compared) -> None:
        for taking in order.takings:
            if taking.state is not TakingState.REQUESTED:
                continue
            now = self._refunding.resume(order.order_id, taking.taking_id)
            if now is not None and now.state is TakingState.REQUESTED:
                done.findings.append(OrderFinding("refund_not_answered", order.order_id, taking.taking_id))


def _misfits(order: Order, payment: Payment) -> Iterator[OrderFinding]:
    """What does not fit between an order and its payment, after the order has followed it."""
    if order.is_credited and payment.status is not PaymentStatus.PAID:
        yield OrderFinding("credit_without_payment", order.order_id, payment.session_id, payment.status.value)
        return
    if order.state is OrderState.MISMATCHED and not _is_given_back(payment):
        yield OrderFinding("paid_otherwise_than_ordered", order.order_id, payment.session_id, _amount_of(payment))
    if order.is_credited:
        taken_nano = order.amount.nano - order.remaining_nano
        gone_nano = min(_gone_nano(payment), order.amount.nano)
        asked = [taking for taking in order.takings if taking.state is TakingState.REQUESTED]
        if taken_nano != gone_nano and not asked:
            detail = f"provider {gone_nano}, order {taken_nano} nano"
            yield OrderFinding("taken_back_differs", order.order_id, payment.session_id, detail)


def _gone_nano(payment: Payment) -> int:
    return sum(back.amount.nano for back in payment.back if back.standing in _GONE)


def _is_given_back(payment: Payment) -> bool:
    return _gone_nano(payment) >= payment.amount.nano


def _amount_of(payment: Payment) -> str:
    return f"{payment.amount} {payment.amount.currency}"
