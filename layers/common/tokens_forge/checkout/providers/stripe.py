"""Stripe, through its own SDK: Checkout Sessions, refunds, webhooks. And whatever speaks as Stripe does: the sandbox.

Sources: docs.stripe.com/api (idempotent requests, checkout/sessions, refunds, disputes, events), docs.stripe.com/currencies,
docs.stripe.com/webhooks (signatures, order of events, repetition).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import stripe

from tokens_forge import strict_json
from tokens_forge.checkout.currencies import NotPayable, minor_of, money_of
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
from tokens_forge.checkout.providers.stripe_events import DECIMALS_AT_STRIPE, event_of
from tokens_forge.checkout.trail import Verdict
from tokens_forge.credentials import CredentialMissing, Credentials
from tokens_forge.money import Money

PAGE_LIVES_S = 23 * 3600  # Stripe allows 24 h from the moment it makes the session
EVENT_AGE_S_MAX = 300
ORDER, DEPLOYMENT, REFUND = "forge_order", "forge_deployment", "forge_refund"
# The provider read the request and said no. A wrong key (401, 403) or haste (409, 429) is nothing that concerns the order.
_DEFINITE = frozenset({400, 402, 404, 422})
_GONE = frozenset({"pending", "requires_action", "succeeded"})
_DISPUTE_OPEN = frozenset({"needs_response", "under_review"})
MONEY_BACK_EVENTS = (
    "charge.refunded",
    "refund.created",
    "refund.updated",
    "refund.failed",
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.closed",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
)
HttpClient = stripe.HTTPClient


def bounded_http_client() -> HttpClient:
    """One that gives up: 2 s to connect, 8 s of silence. The SDK's own default waits 80 s."""
    return stripe.RequestsClient(timeout=(2.0, 8.0))


class StripeProvider:
    """Implements `checkout.port.PaymentProvider`. `deployment` tells our payments from others in the same Stripe account."""

    def __init__(
        self,
        name: str,
        credentials: Credentials,
        *,
        api_key_name: str,
        webhook_secret_name: str,
        deployment: str,
        http_client: Callable[[], HttpClient] = bounded_http_client,
        api_url: str | None = None,
    ) -> None:
        self.name = name
        self._credentials = credentials
        self._api_key_name = api_key_name
        self._webhook_secret_name = webhook_secret_name
        self._deployment = deployment
        self._http_client = http_client()
        self._api_url = api_url

    def open_page(self, order: Order, label: str) -> PaymentPage:
        """Open a Checkout Session; the order's id is its idempotency key, so that asking again gives the same one."""
        marks = {ORDER: order.order_id, DEPLOYMENT: self._deployment}
        back = f"{order.return_url}?order={order.order_id}&token={order.page_token}"
        currency = order.amount.currency
        try:
            minor = minor_of(order.amount, DECIMALS_AT_STRIPE.get(currency))
        except NotPayable as wrong:
            raise ProviderRefused(str(wrong)) from None
        price = {"currency": currency.lower(), "unit_amount": minor, "product_data": {"name": label}}
        params: Any = {
            "mode": "payment",
            "line_items": [{"quantity": 1, "price_data": price}],
            "client_reference_id": order.order_id,
            "metadata": marks,
            "payment_intent_data": {"metadata": marks},
            "success_url": back,
            "cancel_url": f"{back}&cancelled=1",
            "expires_at": order.created_at_ms // 1000 + PAGE_LIVES_S,
            # The buyer pays in the wallet's currency, or not at all.
            "adaptive_pricing": {"enabled": False},
        }
        with self._asking() as client:
            session = client.v1.checkout.sessions.create(params, {"idempotency_key": order.order_id})
        if session.url is None:
            raise ProviderSilent("a session without a page")
        return PaymentPage(session.id, session.url)

    def read_payment(self, session_id: str) -> Payment:
        """The session with its payment intent, and every refund and dispute of it."""
        with self._asking() as client:
            session = client.v1.checkout.sessions.retrieve(session_id, {"expand": ["payment_intent"]}).to_dict()
            intent = session.get("payment_intent") or {}
            back: list[MoneyBack] = []
            if intent and session["payment_status"] == "paid":
                of_it: Any = {"payment_intent": intent["id"], "limit": 100}
                refunds = client.v1.refunds.list(of_it).auto_paging_iter()
                disputes = client.v1.disputes.list(of_it).auto_paging_iter()
                back += [_refunded(refund.to_dict()) for refund in refunds]
                back += [_disputed(dispute.to_dict()) for dispute in disputes]
        return _payment_of(session, intent, tuple(back))

    def refund(self, order: Order, refund_id: str, amount: Money) -> MoneyBack:
        """Refund part of the order's payment; the refund's id is its idempotency key."""
        params: Any = {
            "payment_intent": order.payment_id,
            "amount": minor_of(amount, DECIMALS_AT_STRIPE.get(amount.currency)),
            "reason": "requested_by_customer",
            "metadata": {ORDER: order.order_id, REFUND: refund_id, DEPLOYMENT: self._deployment},
        }
        with self._asking() as client:
            return _refunded(client.v1.refunds.create(params, {"idempotency_key": refund_id}).to_dict())

    def read_event(self, body: bytes, signature: str | None) -> ProviderEvent | None:
        """An event and what its signature is worth. Raises ProviderSilent when the webhook's secret cannot be read."""
        try:
            values = strict_json.loads(body)
        except ValueError:
            return None
        return event_of(values, self._verdict(body.decode(), signature))

    def sessions_since(self, since_ms: int) -> Iterator[str]:
        """Every session of this deployment that was opened since then."""
        params: Any = {"created": {"gte": since_ms // 1000}, "limit": 100}
        with self._asking() as client:
            for session in client.v1.checkout.sessions.list(params).auto_paging_iter():
                if (session.to_dict().get("metadata") or {}).get(DEPLOYMENT) == self._deployment:
                    yield session.id

    def payments_with_money_back_since(self, since_ms: int) -> Iterator[str]:
        """The payment of every refund or dispute that an event was made of since then, whether it was delivered or not."""
        params: Any = {"created": {"gte": since_ms // 1000}, "limit": 100, "types": list(MONEY_BACK_EVENTS)}
        with self._asking() as client:
            for happened in client.v1.events.list(params).auto_paging_iter():
                event = event_of(happened.to_dict(), Verdict.OK)
                if event is not None and event.payment_id is not None:
                    yield event.payment_id

    def _verdict(self, body: str, signature: str | None) -> Verdict:
        secret = self._secret(self._webhook_secret_name)
        try:
            stripe.WebhookSignature.verify_header(body, signature, secret)
        except stripe.SignatureVerificationError:
            return Verdict.FORGED
        try:
            stripe.WebhookSignature.verify_header(body, signature, secret, EVENT_AGE_S_MAX)
        except stripe.SignatureVerificationError:
            return Verdict.STALE
        return Verdict.OK

    @contextmanager
    def _asking(self) -> Iterator[stripe.StripeClient]:
        """A client. Its errors become ProviderRefused where nothing was done for certain, else ProviderSilent."""
        options: Any = {"base_addresses": {"api": self._api_url}} if self._api_url is not None else {}
        client = stripe.StripeClient(
            self._secret(self._api_key_name), http_client=self._http_client, max_network_retries=0, **options
        )
        try:
            yield client
        except stripe.AuthenticationError as error:
            self._credentials.forget(self._api_key_name)
            raise ProviderSilent("the provider does not accept our API key") from error
        except stripe.StripeError as error:
            if error.http_status in _DEFINITE and not isinstance(error, stripe.IdempotencyError):
                raise ProviderRefused(error.user_message or type(error).__name__) from error
            raise ProviderSilent(f"{type(error).__name__} {error.http_status or ''}".strip()) from error

    def _secret(self, name: str) -> str:
        try:
            return self._credentials.fresh(name) or self._credentials.read(name)
        except CredentialMissing as missing:
            raise ProviderSilent(f"no credential {missing}") from None


def _payment_of(session: dict[str, Any], intent: dict[str, Any], back: tuple[MoneyBack, ...]) -> Payment:
    paid = session["payment_status"] != "unpaid"
    if paid:
        status = PaymentStatus.PAID
    elif session["status"] == "expired":
        status = PaymentStatus.EXPIRED
    elif session["status"] == "complete" and intent.get("status") in ("requires_payment_method", "canceled"):
        status = PaymentStatus.FAILED  # a bank transfer or the like that did not arrive
    else:
        status = PaymentStatus.OPEN
    received = intent if paid and intent else {"amount_received": session["amount_total"], **session}
    return Payment(
        session_id=session["id"],
        order_id=(session.get("metadata") or {}).get(ORDER),
        status=status,
        amount=_money(received["amount_received"], received["currency"]),
        payment_id=intent.get("id") or (session["id"] if paid else None),
        back=back,
    )


def _refunded(refund: dict[str, Any]) -> MoneyBack:
    return MoneyBack(
        provider_id=refund["id"],
        kind=TakingKind.REFUND,
        amount=_money(refund["amount"], refund["currency"]),
        standing=Standing.GONE if refund["status"] in _GONE else Standing.BACK,
        word=refund["status"],
        refund_id=(refund.get("metadata") or {}).get(REFUND),
    )


def _disputed(dispute: dict[str, Any]) -> MoneyBack:
    """Only `warning_…` (an inquiry) and `prevented` leave the money where it is."""
    word = dispute["status"]
    standing = Standing.GONE if word in _DISPUTE_OPEN else Standing.ONLY_ASKED
    standing = {"won": Standing.BACK, "lost": Standing.LOST}.get(word, standing)
    return MoneyBack(
        provider_id=dispute["id"],
        kind=TakingKind.DISPUTE,
        amount=_money(dispute["amount"], dispute["currency"]),
        standing=standing,
        word=word,
    )


def _money(minor: int, currency: str) -> Money:
    """Raises ProviderSilent for a currency that nobody knows: the amount cannot be told."""
    code = currency.upper()
    try:
        return money_of(minor, code, DECIMALS_AT_STRIPE.get(code))
    except NotPayable as unknown:
        raise ProviderSilent(str(unknown)) from None
