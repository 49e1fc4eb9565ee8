"""Answers about what happens, as types: usage, margin, errors, health, circuits, diagnosis, books, and the audit log."""

from __future__ import annotations

from typing import Any, Literal

from typing_extensions import TypedDict

from functions.admin.document.catalog import Page
from functions.proxy.document.account import Receipt
from functions.proxy.document.prices import Latency
from functions.web.shapes import Amount, Count, Currency, Error, Moment
from tokens_forge.admin.audit import Log, Stage
from tokens_forge.admin.diagnose import Standing
from tokens_forge.endpoints import Endpoint
from tokens_forge.errors import ErrorClass
from tokens_forge.health import HealthState, Source
from tokens_forge.journal import SettlementReason
from tokens_forge.wallets import WalletKind


class ReceiptPage(Page[Receipt]):
    """Receipts of one account on this wallet, newest first."""

    account_id: str
    wallet: WalletKind


class Tokens(TypedDict):
    """Tokens in disjoint buckets."""

    input: Count
    cached_input: Count
    cache_write: Count
    output: Count


class Usage(TypedDict):
    """What customers used of one model on one channel; `channel` is null where none was called."""

    model: str
    channel: str | None
    currency: Currency
    requests: Count
    charge: Amount
    uncharged: Amount
    tokens: Tokens
    settlement_reasons: dict[SettlementReason, Count]


class Margin(TypedDict):
    """Revenue against provider cost. `margin` is null where it is not known, and `unknown` says why."""

    model: str
    channel: str | None
    currency: Currency
    requests: Count
    revenue: Amount
    provider_costs: dict[Currency, Amount]
    requests_of_unknown_cost: Count
    margin: Amount | None
    unknown: str | None


# The same objects, with a field whose name is a word of Python.
_Window = TypedDict(
    "_Window", {"wallet": WalletKind, "wallet_label": str, "from": Moment, "to": Moment, "unsettled_requests": Count}
)


class UsagePage(Page[Usage], _Window):
    """Sums of the requests that began from `from` until before `to`. Pages are to be added."""


class MarginPage(Page[Margin], _Window):
    """Sums of the requests that began from `from` until before `to`. Pages are to be added."""


ErrorCount = TypedDict("ErrorCount", {"at": Moment, "class": ErrorClass, "code": str, "model": str, "count": Count})
ErrorCount.__doc__ = "How often an error was met in one minute or hour."
_Span = TypedDict(
    "_Span",
    {"wallet": WalletKind | None, "from": Moment, "to": Moment, "by_class": dict[ErrorClass, Count]},
)


class ErrorPage(Page[ErrorCount], _Span):
    """Errors over time, and their sums by class."""


class Health(TypedDict):
    """How a channel is for one model; null for what nobody has seen."""

    object: Literal["health"]
    id: str
    channel: str
    model: str
    health: HealthState
    since: Moment | None
    last_check: Moment | None
    samples: Count
    successes: Count
    latency_ms: Latency | None
    source: Source | None


class Circuit(TypedDict):
    """A channel that failed lately for one model. While it `waits` nobody tries it."""

    object: Literal["circuit"]
    id: str
    channel: str
    model: str
    open: bool
    waits: bool
    failures: Count
    openings: Count
    opened_at: Moment | None
    open_until: Moment | None


class ChannelStanding(TypedDict):
    """How a channel of the route stands."""

    channel: str
    standing: Standing


class CustomerError(Error):
    """What the customer gets for the same call."""

    status: Count


class Diagnosis(TypedDict):
    """The one cause that stops a key from calling a model."""

    object: Literal["diagnosis"]
    key: str
    model: str
    wallet: WalletKind | None
    wallet_label: str | None
    endpoint: Endpoint | None
    cause: ErrorClass | Literal["none"]
    message: str
    remedy: str
    channels: list[ChannelStanding]
    customer_error: CustomerError | None


class BookFinding(TypedDict):
    """Something in the books that does not fit."""

    problem: str
    account_id: str
    kind: WalletKind
    subject: str
    detail: str


class Reconciliation(TypedDict):
    """One run of the reconciliation. `balances_nano` are the sums of each book, by currency."""

    started_at: Moment
    wallets: Count
    entries: Count
    intents: Count
    busy: Count
    balances_nano: dict[str, dict[str, int]]
    findings_total: Count
    findings: list[BookFinding]


class OrderFinding(TypedDict):
    """A payment and an order that do not fit. `subject` is the provider's id, or the order's."""

    problem: str
    order_id: str
    subject: str
    detail: str


class Comparison(TypedDict):
    """One comparison of the provider's payments with the orders. `found_late` are orders that it credited."""

    started_at: Moment
    provider: str
    payments: Count
    orders: Count
    found_late: list[str]
    findings_total: Count
    findings: list[OrderFinding]


class AuditRecord(TypedDict):
    """Who changed what, why, from what to what. `begun_by` names the record that said that this was to begin."""

    object: Literal["audit_record"]
    id: str
    log: Log
    at: Moment
    actor: str
    actor_name: str
    reason: str
    action: str
    subject: str
    stage: Stage
    begun_by: str | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None
