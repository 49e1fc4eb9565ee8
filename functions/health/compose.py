"""The composition root of the scheduled work: clients and services, built once, at import."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tokens_forge.attempts import Attempts, TimeLimits
from tokens_forge.checkout.books import OrderBooks
from tokens_forge.clock import Clock
from tokens_forge.credentials import Credentials
from tokens_forge.health_check import HealthCheck
from tokens_forge.probes import PAID_S, Prober
from tokens_forge.providers.port import Upstream
from tokens_forge.providers.wires import WIRES
from tokens_forge.reconciliation import Reconciliation
from tokens_forge.settlement import Books, OperatorBook, Refunds, Settlement
from tokens_forge.store.accounts import DynamoAccountStore
from tokens_forge.store.catalog import DynamoCatalogReader
from tokens_forge.store.client import dynamodb_client
from tokens_forge.store.dynamodb import DynamoLedgerStore
from tokens_forge.store.health import DynamoHealthStore
from tokens_forge.store.orders import DynamoOrderStore
from tokens_forge.store.state import DynamoStateStore
from tokens_forge.store.tables import Tables
from tokens_forge.sweeper import Sweeper

TIME_KEPT_BACK_MS = 10_000  # enough to finish one minute's intents and write the cursor


@dataclass(frozen=True, slots=True)
class ScheduledWork:
    """What the two functions run."""

    sweeper: Sweeper
    reconciliation: Reconciliation
    state: DynamoStateStore


def compose(tables: Tables, dynamodb: Any, clock: Clock, *, sweep_after_s: int, window_s: int) -> ScheduledWork:
    """Build both jobs on one client."""
    store = DynamoLedgerStore(dynamodb, tables.ledger)
    state = DynamoStateStore(dynamodb, tables.state)
    books = Books(store, clock)
    settlement = Settlement(books)
    accounts = DynamoAccountStore(dynamodb, tables.accounts, tables.wallets)
    return ScheduledWork(
        sweeper=Sweeper(settlement, store, state, clock, sweep_after_s=sweep_after_s),
        reconciliation=Reconciliation(
            store,
            settlement,
            accounts.every_account_id,
            state,
            OrderBooks(DynamoOrderStore(dynamodb, tables.orders), store, Refunds(books)),
            clock,
            window_s=window_s,
        ),
        state=state,
    )


def compose_health_check(
    tables: Tables, dynamodb: Any, credentials: Credentials, upstream: Upstream, clock: Clock, *, loopback_allowed: bool
) -> HealthCheck:
    """Build the health check. `upstream` belongs to one event loop, so this is called once a run; it opens nothing."""
    ledger = DynamoLedgerStore(dynamodb, tables.ledger)
    store = DynamoHealthStore(dynamodb, tables.state)
    limits = TimeLimits(whole_s=PAID_S, silence_s=PAID_S)
    attempts = Attempts(upstream, credentials, WIRES, limits, clock, loopback_allowed=loopback_allowed)
    operator = OperatorBook(Books(ledger, clock))
    prober = Prober(upstream, credentials, attempts, store, operator, clock, loopback_allowed=loopback_allowed)
    return HealthCheck(ledger, DynamoCatalogReader(dynamodb, tables.catalogs), prober, store, clock)


def from_environment() -> ScheduledWork:
    """Both jobs, as this deployment sets them up."""
    from tokens_forge.clock import SystemClock

    return compose(
        Tables.from_environment(),
        dynamodb_client(read_timeout_s=10),
        SystemClock(),
        sweep_after_s=int(os.environ["FORGE_SWEEP_AFTER_S"]),
        window_s=int(os.environ.get("FORGE_RECONCILE_WINDOW_S", "7200")),
    )


def time_is_left(context: Any) -> Callable[[], bool]:
    """Whether this invocation still has time, by its Lambda context."""
    return lambda: bool(context.get_remaining_time_in_millis() > TIME_KEPT_BACK_MS)
