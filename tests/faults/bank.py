"""A payment provider in memory whose calls are twisted like a store's: a message is late or comes twice, an answer is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from tests.faults.faulty_store import Call, FaultyCalls
from tokens_forge.checkout.orders import Order, TakingKind
from tokens_forge.checkout.port import (
    MoneyBack,
    Payment,
    PaymentPage,
    PaymentStatus,
    ProviderEvent,
    ProviderRefused,
    ProviderSilent,
    Standing,
)
from tokens_forge.checkout.trail import Verdict
from tokens_forge.money import Money
from tokens_forge.store.port import StoreFault

Answer = TypeVar("Answer")


@dataclass
class Bank:
    """Implements `checkout.port.PaymentProvider`. It is one page, of one order, and all of it can be copied.

    As Stripe does, it makes a page or a refund once for an idempotency key.
    """

    calls: FaultyCalls
    name: str = "sandbox"
    pages: dict[str, Payment] = field(default_factory=dict)
    refuses: bool = False
    loses_answers: bool = False  # of refunds, which it carries out

    def open_page(self, order: Order, label: str) -> PaymentPage:
        def opened() -> PaymentPage:
            session_id = f"cs_{order.order_id}"
            page = Payment(session_id, order.order_id, PaymentStatus.OPEN, order.amount)
            self.pages.setdefault(session_id, page)
            return PaymentPage(session_id, f"https://pay.test/{session_id}")

        return self._asked("bank_open", opened)

    def read_payment(self, session_id: str) -> Payment:
        return self._asked("bank_read", lambda: self.pages[session_id])

    def refund(self, order: Order, refund_id: str, amount: Money) -> MoneyBack:
        def refunded() -> MoneyBack:
            page = self.pages[order.session_id or ""]
            known = [back for back in page.back if back.refund_id == refund_id]
            if known:
                return known[0]
            gone_nano = sum(back.amount.nano for back in page.back if back.standing is not Standing.BACK)
            if self.refuses or gone_nano + amount.nano > page.amount.nano:
                raise ProviderRefused("no")
            back = MoneyBack(f"re_{refund_id}", TakingKind.REFUND, amount, Standing.GONE, "succeeded", refund_id)
            self.pages[page.session_id] = replace(page, back=(*page.back, back))
            return back

        back = self._asked("bank_refund", refunded)
        if self.loses_answers:
            raise ProviderSilent("lost")
        return back

    def read_event(self, body: bytes, signature: str | None) -> ProviderEvent:
        return ProviderEvent("evt_1", "something.happened", Verdict.OK, order_id=body.decode())

    def sessions_since(self, since_ms: int) -> Iterator[str]:
        yield from self._asked("bank_list", lambda: list(self.pages))

    def payments_with_money_back_since(self, since_ms: int) -> Iterator[str]:
        yield from self._asked(
            "bank_list", lambda: [page.payment_id for page in self.pages.values() if page.payment_id]
        )

    # ---- what people do there, with nothing going wrong

    def pay(self, session_id: str) -> None:
        page = self.pages[session_id]
        self.pages[session_id] = replace(page, status=PaymentStatus.PAID, payment_id=f"pi_{session_id}")

    def take(self, session_id: str, kind: TakingKind, nano: int, standing: Standing) -> None:
        """A refund by hand or a dispute, begun or moved on."""
        page = self.pages[session_id]
        amount = Money(nano, page.amount.currency)
        others = tuple(back for back in page.back if back.provider_id != f"{kind.value}_1")
        back = MoneyBack(f"{kind.value}_1", kind, amount, standing, standing.value)
        self.pages[session_id] = replace(page, back=(*others, back))

    def _asked(self, operation: str, carry_out: Callable[[], Answer]) -> Answer:
        refusal: list[ProviderRefused] = []

        def done() -> Any:
            try:
                return carry_out()
            except ProviderRefused as refused:
                refusal.append(refused)
                return None

        try:
            answer: Answer = self.calls.make(Call(operation, ()), done)
        except StoreFault as fault:
            raise ProviderSilent(str(fault)) from fault
        if refusal:
            raise refusal[0]
        return answer
