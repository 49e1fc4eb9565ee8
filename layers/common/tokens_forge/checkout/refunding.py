"""Refunds that an admin asks for: the balance is set aside, the provider gives the money back, the balance is taken.

An answer that does not come keeps the balance set aside, and the refund stays `requested`: asking again under the same refund id,
a webhook of the provider's, or the daily comparison finishes it. So nothing is refunded twice, nothing both refunded and spent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from tokens_forge.checkout.currencies import NotPayable, minor_of
from tokens_forge.checkout.orders import Order, Taking, TakingKind, TakingState
from tokens_forge.checkout.port import NameTaken, PaymentProvider, ProviderRefused, ProviderSilent, Standing
from tokens_forge.checkout.progress import Progress
from tokens_forge.errors import Conflict, IdempotencyKeyReused, RequestError
from tokens_forge.ids import new_id, time_ms_of, ulid_of
from tokens_forge.money import Money, decimal
from tokens_forge.settlement import HoldRefused

ROUNDS_MAX = 50
REASON_LETTERS_MAX = 500
NEW_WITHIN_MS = 3_600_000


class Refunding:
    """For the admin API. Its methods block, and raise StoreFault."""

    def __init__(self, progress: Progress, providers: Mapping[str, PaymentProvider]) -> None:
        self._progress = progress
        self._providers = providers

    def refund(
        self, order_id: str, amount: Money, *, reason: str, actor: str, refund_id: str | None = None
    ) -> tuple[Order, Taking]:
        """Give back `amount` of an order: the order and the refund, as far as they came.

        The refund's state says what happened: TAKEN, REFUSED (the trail says by whom), or REQUESTED when the provider did not
        answer; then ask again with the same `refund_id` (`rfd_…`), now or later. Raises NotFound, RequestError, Conflict, and
        IdempotencyKeyReused for a refund id that stands for something else.
        """
        refund_id = refund_id or new_id("rfd", self._progress.clock.now_ms())
        check_id(refund_id)
        if not 0 < len(reason.strip()) <= REASON_LETTERS_MAX:
            raise RequestError(f"A refund needs a reason of at most {REASON_LETTERS_MAX} letters.", param="reason")
        assert actor, "somebody refunds"
        for _ in range(ROUNDS_MAX):
            order = self._progress.bring_on(order_id)
            taking = order.taking(refund_id)
            if taking is None:
                check_refundable(order, amount)
                check_new(refund_id, self._progress.clock.now_ms())
                asked = Taking(
                    refund_id, TakingKind.REFUND, amount.nano, TakingState.REQUESTED, actor=actor, reason=reason
                )
                after = order.with_taking(asked)
                shown = f"{amount} {amount.currency}"
                try:
                    self._progress.save(
                        order, after, "refund_requested", taking=refund_id, amount=shown, actor=actor, reason=reason
                    )
                except NameTaken:
                    raise _another_refund(refund_id) from None
                continue
            if taking.actor is None or taking.nano != amount.nano:
                raise _another_refund(refund_id)
            if taking.state is not TakingState.REQUESTED or not self._ask_provider(order, taking):
                order = self._progress.bring_on(order_id)
                taking = order.taking(refund_id)
                assert taking is not None, "a taking is never forgotten"
                self._release_leftover(order, taking)
                return order, taking
        raise Conflict(f"The order {order_id} is being changed all the time. Try again.")

    def resume(self, order_id: str, refund_id: str) -> Taking | None:
        """Go on with a refund that was begun; None when the order has no such refund of ours."""
        order = self._progress.bring_on(order_id)
        taking = order.taking(refund_id)
        if taking is None or taking.actor is None or taking.reason is None:
            return None
        amount = Money(taking.nano, order.amount.currency)
        return self.refund(order_id, amount, reason=taking.reason, actor=taking.actor, refund_id=refund_id)[1]

    def _ask_provider(self, order: Order, taking: Taking) -> bool:
        """Set the amount aside and have it given back; False when the provider did not say whether it did."""
        amount = Money(taking.nano, order.amount.currency)
        try:
            self._progress.refunds.hold(order.account_id, order.kind, amount, refund_id=taking.taking_id)
        except HoldRefused as refused:
            self._refuse(order, taking, f"wallet: {refused.refusal.value}")
            return True
        provider = self._providers[order.provider]
        assert order.session_id is not None, "a credited order has a page"
        try:
            # What an earlier try did is known by the provider's list, however long ago that was.
            if self._known(provider, order, taking):
                return True
            try:
                back = provider.refund(order, taking.taking_id, amount)
            except ProviderRefused as refusal:
                # Said of this try; an earlier one may have done it meanwhile.
                if not self._known(provider, order, taking):
                    self._refuse(order, taking, f"provider: {refusal}")
                return True
        except ProviderSilent:
            self._progress.note(order.order_id, f"silent#{taking.taking_id}", "provider_did_not_answer")
            return False
        state = TakingState.REFUSING if back.standing is Standing.BACK else TakingState.ACCEPTED
        after = replace(taking, state=state, provider_id=back.provider_id)
        self._progress.save(
            order,
            order.with_taking(after),
            f"refund_{state.value}",
            taking=taking.taking_id,
            provider_id=back.provider_id,
            provider_status=back.word,
        )
        return True

    def _known(self, provider: PaymentProvider, order: Order, taking: Taking) -> bool:
        """Whether the provider lists this refund; then the order follows it. Raises ProviderSilent."""
        assert order.session_id is not None
        try:
            payment = provider.read_payment(order.session_id)
        except ProviderRefused as refused:
            raise ProviderSilent(str(refused)) from refused  # it does not know the payment: nothing can be concluded
        if not any(back.refund_id == taking.taking_id for back in payment.back):
            return False
        self._progress.bring_on(order.order_id, payment)
        return True

    def _refuse(self, order: Order, taking: Taking, why: str) -> None:
        after = replace(taking, state=TakingState.REFUSING)
        self._progress.save(order, order.with_taking(after), "refund_refusing", taking=taking.taking_id, why=why)

    def _release_leftover(self, order: Order, taking: Taking) -> None:
        """Another process may have ended the refund while this one set the amount aside once more."""
        if taking.state is not TakingState.REQUESTED:
            self._progress.refunds.release_leftover(order.account_id, order.kind, taking.taking_id)


def _another_refund(refund_id: str) -> IdempotencyKeyReused:
    return IdempotencyKeyReused(f"{refund_id} is another refund.", param="refund_id")


def check_id(refund_id: str) -> None:
    """Raises RequestError for what is no id of a refund."""
    try:
        ulid_of(refund_id)
    except ValueError:
        refund_id = ""
    if not refund_id.startswith("rfd_"):
        raise RequestError("A refund id is rfd_ and a ULID.", param="refund_id")


def check_new(refund_id: str, now_ms: int) -> None:
    """Raises RequestError for an id of another time: a refund's entry lies in the book of its id's day, which is today's."""
    if abs(time_ms_of(refund_id) - now_ms) > NEW_WITHIN_MS:
        raise RequestError("The time in a new refund's id is now.", param="refund_id")


def check_refundable(order: Order, amount: Money) -> None:
    """Raises Conflict for an order that is not credited, RequestError for an amount that it does not have left."""
    if not order.is_credited:
        raise Conflict(f"The order {order.order_id} is {order.state.value}: only a credited order can be refunded.")
    if amount.currency != order.amount.currency:
        raise RequestError(f"The order {order.order_id} was paid in {order.amount.currency}.", param="amount")
    try:
        minor = minor_of(amount)
    except NotPayable as wrong:
        raise RequestError(str(wrong), param="amount") from None
    if minor <= 0 or amount.nano > order.remaining_nano:
        left = f"{decimal(order.remaining_nano)} {order.amount.currency}"
        raise RequestError(f"Of the order {order.order_id} {left} can still be refunded.", param="amount")
