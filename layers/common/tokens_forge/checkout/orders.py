"""Orders: one purchase of balance for one wallet, its states, and what was taken back of it.

The tables below are the state machine. A store writes a new version of an order only over the version it was made from, and only
if the tables allow the step: so two processes can never both take the same step.

Money is never moved before the order says that it will be: a state such as PAID or ACCEPTED is the promise, the ledger entry whose
id is made of the order's or the taking's own id is the deed, and the next state says that it was done. Whoever dies in between has
left a promise that anybody can keep, once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from tokens_forge.journal import EntryType, entry_id_of
from tokens_forge.money import Money
from tokens_forge.wallets import WalletKind


class OrderState(StrEnum):
    """Where an order is. docs/checkout.md has the picture."""

    CREATED = "created"  # written down; the provider may not know it yet
    AWAITING_PAYMENT = "awaiting_payment"  # the payment page is open
    EXPIRED = "expired"  # nobody paid in time
    FAILED = "failed"  # the provider could not get the money, or would not open a page
    MISMATCHED = "mismatched"  # paid, but not what was ordered: nothing is credited, and an admin decides
    PAID = "paid"  # paid as ordered, about to be credited
    CREDITED = "credited"
    PARTLY_REFUNDED = "partly_refunded"
    REFUNDED = "refunded"
    DISPUTED = "disputed"
    DISPUTE_LOST = "dispute_lost"


_AFTER_CREDIT = frozenset(
    {
        OrderState.CREDITED,
        OrderState.PARTLY_REFUNDED,
        OrderState.REFUNDED,
        OrderState.DISPUTED,
        OrderState.DISPUTE_LOST,
    }
)
_ENDINGS = frozenset({OrderState.PAID, OrderState.MISMATCHED})
# Money that comes after an order had expired or failed is still its money.
TRANSITIONS: Mapping[OrderState, frozenset[OrderState]] = {
    OrderState.CREATED: frozenset({OrderState.AWAITING_PAYMENT, OrderState.FAILED}),
    OrderState.AWAITING_PAYMENT: _ENDINGS | {OrderState.EXPIRED, OrderState.FAILED},
    OrderState.EXPIRED: _ENDINGS,
    OrderState.FAILED: _ENDINGS,
    OrderState.MISMATCHED: frozenset(),
    OrderState.PAID: frozenset({OrderState.CREDITED}),
    **dict.fromkeys(_AFTER_CREDIT, _AFTER_CREDIT),
}


class TakingKind(StrEnum):
    """Why something of an order goes back."""

    REFUND = "refund"
    DISPUTE = "dispute"

    @property
    def entry_type(self) -> EntryType:
        """The type of the entry that takes it from the wallet."""
        return EntryType.REFUND if self is TakingKind.REFUND else EntryType.DISPUTE


class TakingState(StrEnum):
    """How far a taking is."""

    REQUESTED = "requested"  # our refund: set aside in the wallet, perhaps; the provider knows it, perhaps
    ACCEPTED = "accepted"  # the provider has given the money back, or had it taken: to be taken from the wallet
    TAKEN = "taken"
    REFUSING = "refusing"  # our refund will not be: what was set aside is to be released
    REFUSED = "refused"
    RETURNING = "returning"  # the refund failed after all, or the dispute was won: to be credited again
    RETURNED = "returned"


TAKING_TRANSITIONS: Mapping[TakingState | None, frozenset[TakingState]] = {
    None: frozenset({TakingState.REQUESTED, TakingState.ACCEPTED}),
    TakingState.REQUESTED: frozenset({TakingState.ACCEPTED, TakingState.REFUSING}),
    TakingState.ACCEPTED: frozenset({TakingState.TAKEN}),
    TakingState.TAKEN: frozenset({TakingState.RETURNING}),
    TakingState.REFUSING: frozenset({TakingState.REFUSED}),
    TakingState.REFUSED: frozenset(),
    TakingState.RETURNING: frozenset({TakingState.RETURNED}),
    TakingState.RETURNED: frozenset(),
}
_GIVEN_UP = frozenset({TakingState.REFUSED, TakingState.RETURNED})
UNFINISHED = frozenset({TakingState.REQUESTED, TakingState.ACCEPTED, TakingState.REFUSING, TakingState.RETURNING})


@dataclass(frozen=True, slots=True)
class Taking:
    """One refund or dispute of an order. `nano` is what it takes from the wallet: 0 when nothing of the order was left.

    `provider_id` is the provider's name for it. `actor` and `reason` are those of a refund that an admin asked for here; a taking
    without an actor was begun at the provider.
    """

    taking_id: str
    kind: TakingKind
    nano: int
    state: TakingState
    provider_id: str | None = None
    actor: str | None = None
    reason: str | None = None
    closed: bool = False  # a dispute that was lost for good

    def __post_init__(self) -> None:
        assert self.nano >= 0, "a taking takes"
        assert self.actor is None or (self.nano > 0 and self.reason), "a refund of ours takes something, for a reason"
        assert self.provider_id is not None or self.state not in (TakingState.ACCEPTED, TakingState.TAKEN)

    @property
    def counts(self) -> bool:
        """Whether its amount is gone from the order, or may be."""
        return self.state not in _GIVEN_UP

    @property
    def entry_id(self) -> str:
        """The entry that takes its amount."""
        return entry_id_of(self.taking_id, self.kind.entry_type)


@dataclass(frozen=True, slots=True)
class Order:
    """One order as it is stored. `version` counts its changes; `page_token` opens its pages without a key."""

    order_id: str
    account_id: str
    kind: WalletKind
    amount: Money
    provider: str
    key_id: str
    page_token: str
    created_at_ms: int
    return_url: str
    state: OrderState = OrderState.CREATED
    version: int = 1
    session_id: str | None = None
    page_url: str | None = None
    payment_id: str | None = None
    takings: tuple[Taking, ...] = field(default_factory=tuple)

    def __post_init__(self) -> None:
        assert self.amount.nano > 0, "an order buys something"
        assert self.remaining_nano >= 0, "no more is taken back than was bought"
        assert not self.takings or self.is_credited, "only what was credited is taken back"
        assert self.payment_id is not None or self.state not in (*_AFTER_CREDIT, *_ENDINGS), (
            "a paid order has a payment"
        )

    @property
    def is_credited(self) -> bool:
        """Whether its entry has been posted."""
        return self.state in _AFTER_CREDIT

    @property
    def is_open(self) -> bool:
        """Whether a payment may still turn it."""
        return OrderState.PAID in TRANSITIONS[self.state]

    @property
    def entry_id(self) -> str:
        """The entry that credits it."""
        return entry_id_of(self.order_id, EntryType.TOP_UP)

    @property
    def remaining_nano(self) -> int:
        """What has neither gone back nor may have."""
        return self.amount.nano - sum(taking.nano for taking in self.takings if taking.counts)

    def taking(self, taking_id: str) -> Taking | None:
        """The taking of this id."""
        return next((taking for taking in self.takings if taking.taking_id == taking_id), None)

    def takings_of_provider(self, provider_id: str) -> list[Taking]:
        """The takings for what the provider calls so: several when more became due as another one came to nothing."""
        return [taking for taking in self.takings if taking.provider_id == provider_id]

    def with_taking(self, taking: Taking) -> Order:
        """The next version, with a taking that is new or has moved on."""
        others = [other for other in self.takings if other.taking_id != taking.taking_id]
        known = self.taking(taking.taking_id)
        position = self.takings.index(known) if known is not None else len(others)
        takings = (*others[:position], taking, *others[position:])
        return replace(self, takings=takings, state=_state_of(self.amount.nano, takings), version=self.version + 1)

    def moved(self, state: OrderState, **changes: str | None) -> Order:
        """The next version, in another state."""
        return replace(self, state=state, version=self.version + 1, **changes)  # type: ignore[arg-type]


def _state_of(bought_nano: int, takings: tuple[Taking, ...]) -> OrderState:
    """The state of a credited order, from what was taken back."""
    counted = [taking for taking in takings if taking.counts]
    disputes = [taking for taking in counted if taking.kind is TakingKind.DISPUTE]
    if any(not dispute.closed for dispute in disputes):
        return OrderState.DISPUTED
    if disputes:
        return OrderState.DISPUTE_LOST
    taken = (TakingState.ACCEPTED, TakingState.TAKEN, TakingState.RETURNING)
    refunded_nano = sum(taking.nano for taking in counted if taking.state in taken)
    if refunded_nano == 0:
        return OrderState.CREDITED
    return OrderState.REFUNDED if refunded_nano == bought_nano else OrderState.PARTLY_REFUNDED


def check_step(before: Order, after: Order) -> None:
    """What must hold of every change. Both stores call it before they write."""
    assert after.version == before.version + 1, "one change at a time"
    assert after.state is before.state or after.state in TRANSITIONS[before.state], (
        f"{before.order_id}: {before.state.value} does not become {after.state.value}"
    )
    fixed = ("order_id", "account_id", "kind", "amount", "provider", "key_id", "page_token", "created_at_ms")
    assert all(getattr(before, name) == getattr(after, name) for name in fixed), "an order stays what it was"
    for name in ("session_id", "payment_id"):
        assert getattr(before, name) in (None, getattr(after, name)), f"{name} is written once"
    known = {taking.taking_id: taking for taking in after.takings}
    for old in before.takings:
        new = known.pop(old.taking_id)
        assert (new.kind, new.nano) == (old.kind, old.nano), "a taking stays what it was"
        assert new.state is old.state or new.state in TAKING_TRANSITIONS[old.state], "a taking goes one way"
    assert all(new.state in TAKING_TRANSITIONS[None] for new in known.values()), "a taking begins at its beginning"
