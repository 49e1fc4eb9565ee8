"""The ports of checkout: a payment provider, and where orders are kept.

Truth is asked for, never believed: a provider's event only says which order to look at, and what is credited or taken back comes
from `read_payment`. So events may be repeated, late, or in any order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from tokens_forge.checkout.orders import Order, TakingKind
from tokens_forge.checkout.trail import TrailLine, Verdict
from tokens_forge.money import Money
from tokens_forge.wallets import WalletKind


class ProviderSilent(Exception):
    """No answer, or one that does not say whether it was done. It may have been, and may still be."""


class ProviderRefused(Exception):
    """The provider says no, and nothing was done. The message is the provider's."""


class PaymentStatus(StrEnum):
    """What has become of a payment page."""

    OPEN = "open"
    PAID = "paid"
    FAILED = "failed"
    EXPIRED = "expired"


class Standing(StrEnum):
    """Where the money of a refund or dispute is."""

    GONE = "gone"  # it left us, or is on its way
    BACK = "back"  # the refund failed or was cancelled; the dispute was won
    LOST = "lost"  # a dispute that was decided against us: it stays away
    ONLY_ASKED = "only_asked"  # an inquiry: no money has moved


@dataclass(frozen=True, slots=True)
class MoneyBack:
    """A refund or dispute at the provider. `refund_id` is ours, when we asked for it; `word` is the provider's own."""

    provider_id: str
    kind: TakingKind
    amount: Money
    standing: Standing
    word: str
    refund_id: str | None = None


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment page and what came of it. `amount` is what was received once it is paid, and before that what is asked."""

    session_id: str
    order_id: str | None
    status: PaymentStatus
    amount: Money
    payment_id: str | None = None
    back: tuple[MoneyBack, ...] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True)
class PaymentPage:
    """Where the buyer pays."""

    session_id: str
    url: str


@dataclass(frozen=True, slots=True)
class ProviderEvent:
    """An event as it arrived. It names its order, or a payment of it; `amount` is what it says of the order's amount, if it does.

    Only an event whose `signature` is OK is worth more than a line in a trail.
    """

    event_id: str
    type: str
    signature: Verdict
    order_id: str | None = None
    session_id: str | None = None
    payment_id: str | None = None
    amount: Money | None = None


class PaymentProvider(Protocol):
    """One payment provider. All of it blocks. Everything but `read_event` raises ProviderSilent or ProviderRefused."""

    name: str

    def open_page(self, order: Order, label: str) -> PaymentPage:
        """Open the payment page of an order; the same one when asked again."""
        ...

    def read_payment(self, session_id: str) -> Payment:
        """What has become of a page, with all that went back of it."""
        ...

    def refund(self, order: Order, refund_id: str, amount: Money) -> MoneyBack:
        """Give back part of an order's payment, once for a refund id, however often it is asked."""
        ...

    def read_event(self, body: bytes, signature: str | None) -> ProviderEvent | None:
        """An event, with what its signature is worth; None when the body is no event at all."""
        ...

    def sessions_since(self, since_ms: int) -> Iterator[str]:
        """Session ids of every page of this deployment that was opened since then."""
        ...

    def payments_with_money_back_since(self, since_ms: int) -> Iterator[str]:
        """Payment ids of everything, whoever's it is, of which a refund or dispute began since then."""
        ...


class NameTaken(Exception):
    """The payment or refund that an order names for the first time belongs to another order."""


@dataclass(frozen=True, slots=True)
class Repeat:
    """A caller's Idempotency-Key within its account, and what was asked under it."""

    account_id: str
    key: str
    asked: str


@dataclass(frozen=True, slots=True)
class Repeated:
    """The order that an Idempotency-Key made before, and what was asked for then."""

    order_id: str
    asked: str


class OrderStore(Protocol):
    """Where orders and their trails are kept. Each operation is one atomic call, and raises StoreFault."""

    def create(self, order: Order, line: TrailLine, repeat: Repeat | None = None) -> Repeated | None:
        """Write a new order; None when it was written. Else nothing is, because the same Idempotency-Key made one before."""
        ...

    def read(self, order_id: str) -> Order | None:
        """A consistent read."""
        ...

    def save(self, before: Order, after: Order, line: TrailLine) -> bool:
        """Write the next version over `before`; False when that is not the stored version any more.

        Raises NameTaken when a payment or refund that it names for the first time belongs to another order.
        """
        ...

    def note(self, order_id: str, line: TrailLine) -> bool:
        """Add a line to a trail; False when it is there already."""
        ...

    def trail(self, order_id: str) -> list[TrailLine]:
        """The whole trail, oldest first. A consistent read."""
        ...

    def order_of_payment(self, provider: str, payment_id: str) -> str | None:
        """The order that a payment pays. A consistent read."""
        ...

    def order_of_refund(self, refund_id: str) -> str | None:
        """The order that a refund of ours is of. A consistent read."""
        ...

    def of_account(self, account_id: str, *, before: str | None, limit: int) -> list[Order]:
        """Up to `limit` orders, newest first, those before this order id only."""
        ...

    def of_day(self, kind: WalletKind, day: str) -> Iterator[str]:
        """The ids of every order of one wallet's business created on one UTC day such as `2026-11-24`, newest first."""
        ...
