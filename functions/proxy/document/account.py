"""Answers about an account, as types: wallets, statement, receipts, keys."""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from functions.proxy.document.prices import TokenPrices
from functions.proxy.routes.keys import ChangeBody, NewKeyBody, RotationBody
from functions.web.shapes import Amount, Count, Currency, GivenAmount, Moment
from tokens_forge.endpoints import Endpoint
from tokens_forge.journal import EntryType, SettlementReason, UsageSource
from tokens_forge.keys import KeyKind, KeyStatus
from tokens_forge.wallets import WalletKind, WalletStatus


class Wallet(TypedDict):
    """One of an account's two wallets. Amounts are in its currency; `balance` is `available` and `held` together."""

    object: Literal["wallet"]
    wallet: WalletKind
    label: str
    currency: Currency
    available: Amount
    held: Amount
    balance: Amount
    status: WalletStatus
    open_holds: Count
    pays_for: str


class WalletList(TypedDict):
    """Both wallets, side by side and never summed."""

    object: Literal["list"]
    account_id: str
    data: list[Wallet]


class LedgerLine(TypedDict):
    """One entry of a statement, with the balance after it. Spending is negative."""

    entry_id: str
    occurred_at: Moment
    type: EntryType
    wallet: WalletKind
    currency: Currency
    amount: Amount
    balance_after: Amount
    model: str | None
    receipt_id: str | None
    reference: str | None


class LedgerPage(TypedDict):
    """Part of a statement, newest first. `exact` is false when entries were being written while it was read."""

    object: Literal["list"]
    wallet: Wallet
    data: list[LedgerLine]
    has_more: bool
    next_cursor: str | None
    exact: bool


LedgerAsCsv = Annotated[str, Field(description="With `format=csv`; `x-next-cursor` has the next page.")]


class ReceiptSummary(TypedDict):
    """What an answer says of its receipt."""

    id: str
    entry_id: str
    wallet: WalletKind
    wallet_label: str
    currency: Currency
    charge: Amount
    hold: Amount
    price_version: str
    route: str | None
    backup_used: bool
    settlement_reason: SettlementReason
    usage_source: UsageSource


class PendingReceipt(TypedDict):
    """A receipt that is not written yet: it will be, within minutes."""

    id: str
    pending: Literal[True]


class Attempt(TypedDict):
    """One call to one channel. `outcome` is a short word such as `ok`, `http_503`, `timeout`."""

    channel: str
    outcome: str
    duration_ms: Count


class ReceiptTokens(TypedDict):
    """Tokens in disjoint buckets; reasoning is a part of `output`."""

    input: Count
    cached_input: Count
    cache_write: Count
    output: Count
    reasoning_within_output: Count


class ReceiptPrices(TypedDict):
    """The prices that applied, and their version."""

    version: str
    basis: str
    per_1m_tokens: TokenPrices
    multiplier: Amount


class Posting(TypedDict):
    """One side of the journal entry. All of them sum to zero."""

    book_account: str
    amount: Amount


class Receipt(ReceiptSummary):
    """A whole receipt: every number that the charge depends on. `repeats` names a request that was charged for this one."""

    object: Literal["receipt"]
    created_at: Moment
    settled_at: Moment
    key_id: str
    model: str
    endpoint: Endpoint
    attempts: list[Attempt]
    tokens: ReceiptTokens
    prices: ReceiptPrices
    uncharged: Amount
    repeats: NotRequired[str]
    arithmetic: str
    formula: str
    postings: list[Posting]


class ReceiptPage(TypedDict):
    """Receipts of one wallet, newest first."""

    object: Literal["list"]
    wallet: WalletKind
    wallet_label: str
    data: list[Receipt]
    has_more: bool
    next_cursor: str | None


class SpendLimit(TypedDict):
    """What a key may spend in all, and what is left of it. `currency` is null for a wallet that is gone."""

    currency: Currency | None
    limit: Amount
    left: Amount


class Key(TypedDict):
    """A key: its one wallet, its limits. Null means not limited, and for a management key: no wallet. Never its secret."""

    object: Literal["key"]
    id: str
    name: str
    kind: KeyKind
    account_id: str
    wallet: WalletKind | None
    wallet_label: str | None
    status: KeyStatus
    allowed_models: list[str] | None
    created_at: Moment
    expires_at: Moment | None
    previous_secret_until: Moment | None
    requests_per_minute: Count | None
    tokens_per_minute: Count | None
    concurrent_requests: Count | None
    spend_limit: SpendLimit | None


class KeyWithToken(Key):
    """A key with its token, which is shown this once."""

    token: str


class KeyList(TypedDict):
    """All keys of the account, newest first, revoked ones too."""

    object: Literal["list"]
    data: list[Key]


class KeyChange(ChangeBody):
    """What is to be changed; null takes a limit away."""

    spend_limit: GivenAmount | None = None
    expires_at: Moment | None = None


class NewKey(NewKeyBody):
    """A key to be made. A limit that is null or left out does not exist."""

    wallet: WalletKind
    spend_limit: GivenAmount | None = None
    expires_at: Moment | None = None


class KeyRotation(RotationBody):
    """How long the present secret still opens the key."""
