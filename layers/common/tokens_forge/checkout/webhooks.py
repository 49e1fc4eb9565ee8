"""Webhooks: a provider says that something happened to an order. It is written down, and then the provider is asked.

Whoever calls is not known: only the signature counts. An event that leads nowhere is answered as received, because it would lead
nowhere again; one that could not be followed now is a fault, so that the provider sends it again.
"""

from __future__ import annotations

import logging
from enum import StrEnum

from tokens_forge.checkout.orders import Order
from tokens_forge.checkout.port import PaymentProvider, ProviderEvent, ProviderRefused
from tokens_forge.checkout.progress import Progress
from tokens_forge.checkout.service import Checkout
from tokens_forge.checkout.trail import Verdict

log = logging.getLogger("tokens_forge.checkout")


class Reception(StrEnum):
    """What became of an event."""

    NO_EVENT = "no_event"
    BAD_SIGNATURE = "bad_signature"
    UNKNOWN_ORDER = "unknown_order"
    OTHER_PROVIDER = "other_provider"
    OTHER_PAGE = "other_page"
    FOLLOWED = "followed"


class Webhooks:
    """Receives events. Its methods block, and raise StoreFault and ProviderSilent."""

    def __init__(self, progress: Progress, checkout: Checkout) -> None:
        self._progress = progress
        self._checkout = checkout

    def receive(self, provider: PaymentProvider, body: bytes, signature: str | None) -> Reception:
        """Write the event into its order's trail and follow it."""
        event = provider.read_event(body, signature)
        if event is None:
            return Reception.NO_EVENT
        order = self._order_of(provider, event)
        if event.signature is not Verdict.OK:
            log.warning("a webhook with a bad signature", extra={"verdict": event.signature.value})
            if order is not None:
                # One line for each sort: whoever knows an order's id must not be able to fill its trail.
                line = f"refused#{provider.name}#{event.signature.value}"
                self._note(order, line, provider, event, credited="nothing")
            return Reception.BAD_SIGNATURE
        if order is None:
            log.warning("an event of no order", extra={"event": event.event_id, "event_type": event.type})
            return Reception.UNKNOWN_ORDER
        if order.provider != provider.name:
            self._note(order, f"event#{event.event_id}", provider, event, provider_is="wrong", credited="nothing")
            return Reception.OTHER_PROVIDER
        session_id = order.session_id or event.session_id
        is_its_page = session_id is not None and event.session_id in (None, session_id)
        self._note(order, f"event#{event.event_id}", provider, event, page="ok" if is_its_page else "wrong")
        if session_id is None or not is_its_page:
            log.error("an event of another page", extra={"event": event.event_id, "order_id": order.order_id})
            return Reception.OTHER_PAGE
        try:
            payment = provider.read_payment(session_id)
        except ProviderRefused:
            log.exception("the provider does not know the page of its own event")
            return Reception.OTHER_PAGE
        self._progress.bring_on(order.order_id, payment)
        return Reception.FOLLOWED

    def _order_of(self, provider: PaymentProvider, event: ProviderEvent) -> Order | None:
        order_id = event.order_id
        if order_id is None and event.payment_id is not None and event.signature is Verdict.OK:
            order_id = self._progress.store.order_of_payment(provider.name, event.payment_id)
        return self._checkout.find_anybodys(order_id) if order_id is not None else None

    def _note(self, order: Order, line_id: str, provider: PaymentProvider, event: ProviderEvent, **facts: str) -> None:
        amount = currency = Verdict.NOT_SAID
        if event.amount is not None:
            amount = Verdict.OK if event.amount.nano == order.amount.nano else Verdict.WRONG
            currency = Verdict.OK if event.amount.currency == order.amount.currency else Verdict.WRONG
        self._progress.note(
            order.order_id,
            line_id,
            "provider_event",
            provider=provider.name,
            event=event.event_id,
            type=event.type,
            signature=event.signature.value,
            amount=amount.value,
            currency=currency.value,
            **facts,
        )
