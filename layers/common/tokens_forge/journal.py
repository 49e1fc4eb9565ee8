"""The journal: append-only entries whose postings sum to zero, and the receipt that a request's entry is.

An entry's identity is the thing it settles: `<ulid>.request` exists once, or not at all. Corrections are further entries.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from tokens_forge.ids import day_of, time_ms_of, ulid_of
from tokens_forge.money import Money
from tokens_forge.pricing import UnitPrices, Usage
from tokens_forge.wallets import WalletKind


class EntryType(StrEnum):
    """What an entry settles. A reversal's id names the type it reverses: `<ulid>.reversal-of-top_up`."""

    REQUEST = "request"
    LATE = "late"
    TOP_UP = "top_up"
    REFUND = "refund"
    DISPUTE = "dispute"
    ADJUSTMENT = "adjustment"
    REVERSAL = "reversal"
    PROBE = "probe"
    RUN = "run"


OPERATOR = "operator"  # whose book holds what we spend on our own account: no customer's, so it has no wallet


@dataclass(frozen=True, slots=True)
class Posting:
    """One side of an entry; a positive amount adds to it.

    `book_account` is `wallet` (the customer's), `revenue`, `operator` (our own gains and losses), `clearing:<source>`, or for
    what providers charge us `provider_cost` and `provider:<channel>`.
    """

    book_account: str
    nano: int


def posting_order(book_account: str) -> tuple[bool, str]:
    """The order of an entry's postings: the wallet first, then by name."""
    return book_account != "wallet", book_account


class SettlementReason(StrEnum):
    """How a request ended. docs/receipts.md holds the written rule of each; a test keeps both lists equal."""

    COMPLETED = "completed"
    NO_OUTPUT = "no_output"
    UPSTREAM_REJECTED = "upstream_rejected"
    UPSTREAM_FAILED = "upstream_failed"
    UPSTREAM_BROKE = "upstream_broke"
    CLIENT_LEFT = "client_left"
    DEADLINE = "deadline"
    GATEWAY_FAILED = "gateway_failed"
    ABANDONED = "abandoned"
    NOT_HELD = "not_held"
    REPEATED = "repeated"


FREE_OF_CHARGE = frozenset(
    {
        SettlementReason.NO_OUTPUT,
        SettlementReason.UPSTREAM_REJECTED,
        SettlementReason.UPSTREAM_FAILED,
        SettlementReason.GATEWAY_FAILED,
        SettlementReason.NOT_HELD,
        SettlementReason.REPEATED,
    }
)


class UsageSource(StrEnum):
    """Where the token counts come from."""

    PROVIDER = "provider"
    ESTIMATED = "estimated"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One call to one channel within a request. `outcome` is a short word such as `ok`, `http_503`, `timeout`.

    `cost` is what the provider charges us for it. It is booked on our own accounts, and no customer sees it.
    """

    channel_id: str
    outcome: str
    duration_ms: int
    cost: Money | None = None


@dataclass(frozen=True, slots=True)
class RequestFacts:
    """All that the receipt of one request says beside the money: enough for a stranger to recompute the charge."""

    key_id: str
    model: str
    endpoint: str
    attempts: tuple[Attempt, ...]
    backup_used: bool
    price_version: str
    price_basis: str
    unit_prices: UnitPrices
    multiplier_ppm: int
    usage: Usage
    usage_source: UsageSource
    reason: SettlementReason
    hold_nano: int
    charge_nano: int
    uncharged_nano: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """One journal entry. Amounts are nano of `currency`; `reference` names an order or another entry."""

    entry_id: str
    account_id: str
    kind: WalletKind
    currency: str
    written_at_ms: int
    postings: tuple[Posting, ...]
    request: RequestFacts | None = None
    reference: str | None = None

    def __post_init__(self) -> None:
        assert sum(posting.nano for posting in self.postings) == 0, "postings sum to zero"
        assert all(posting.nano != 0 for posting in self.postings), "a posting moves something"
        # A stored item keeps postings by book account, without an order: a second one would be lost, another order not come back.
        book_accounts = [posting.book_account for posting in self.postings]
        assert len(set(book_accounts)) == len(book_accounts), "one posting for each book account"
        assert book_accounts == sorted(book_accounts, key=posting_order), "the wallet first, then by name"
        assert (self.request is not None) == (self.type in (EntryType.REQUEST, EntryType.LATE))
        if self.account_id == OPERATOR or self.type is EntryType.PROBE:
            assert self.account_id == OPERATOR and self.type is EntryType.PROBE, (
                "probes are the operator's, and nothing else is"
            )
            assert self.wallet_nano == 0, "the operator's book has no wallet"
        assert self.type is not EntryType.RUN or not self.postings, "a run is paid by its steps"
        if self.request is not None:
            assert 0 <= self.request.charge_nano <= self.request.hold_nano, "charge never exceeds the hold"
            assert self.wallet_nano == -self.request.charge_nano, "the receipt's charge is what the wallet pays"

    @property
    def type(self) -> EntryType:
        """What this entry settles."""
        return EntryType(self.entry_id.partition(".")[2].partition("-of-")[0])

    @property
    def wallet_nano(self) -> int:
        """What this entry does to the customer's balance."""
        return sum(posting.nano for posting in self.postings if posting.book_account == "wallet")

    def cost_postings(self) -> Iterator[tuple[str, Posting]]:
        """What its attempts cost us, as postings between our own accounts: currency and posting, zero in sum by currency."""
        for attempt in self.request.attempts if self.request else ():
            if attempt.cost is not None:
                yield attempt.cost.currency, Posting("provider_cost", attempt.cost.nano)
                yield attempt.cost.currency, Posting(f"provider:{attempt.channel_id}", -attempt.cost.nano)

    @property
    def occurred_at_ms(self) -> int:
        """When the thing began that this entry settles: the time in its id, which orders the statement."""
        return time_ms_of(self.entry_id.partition(".")[0])


def reversal_id_of(entry: Entry) -> str:
    """The one id under which an entry can be reversed, once."""
    ulid, _, entry_type = entry.entry_id.partition(".")
    return f"{ulid}.{EntryType.REVERSAL.value}-of-{entry_type}"


def entry_id_of(identifier: str, entry_type: EntryType) -> str:
    """The one entry id that this type of entry for `req_…`, `ord_…` and so on can have."""
    return f"{ulid_of(identifier)}.{entry_type.value}"


def book_of(account_id: str, kind: WalletKind, entry_id: str) -> str:
    """The journal partition of an entry: one per account, wallet and UTC day."""
    return day_book(account_id, kind, day_of(time_ms_of(entry_id.partition(".")[0])))


def day_book(account_id: str, kind: WalletKind, day: str) -> str:
    """The journal partition of one wallet on one UTC day such as `2026-11-24`."""
    return f"{account_id}#{kind.value}#{day}"
