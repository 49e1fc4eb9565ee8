"""The composition root of the scheduled work: clients and services, built once, at import."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tokens_forge.clock import Clock
from tokens_forge.reconciliation import Reconciliation
from tokens_forge.settlement import Books, Settlement
from tokens_forge.store.accounts import DynamoAccountStore
from tokens_forge.store.dynamodb import DynamoLedgerStore
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
    settlement = Settlement(Books(store, clock))
    accounts = DynamoAccountStore(dynamodb, tables.accounts, tables.wallets)
    return ScheduledWork(
        sweeper=Sweeper(settlement, store, state, clock, sweep_after_s=sweep_after_s),
        reconciliation=Reconciliation(
            store,
            settlement,
            accounts.every_account_id,
            state,
            clock,
            window_s=window_s,
        ),
        state=state,
    )


def from_environment() -> ScheduledWork:
    """Both jobs, as this deployment sets them up."""
    import boto3
    from botocore.config import Config

    from tokens_forge.clock import SystemClock

    return compose(
        Tables.from_environment(),
        boto3.client("dynamodb", config=Config(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=10)),
        SystemClock(),
        sweep_after_s=int(os.environ["FORGE_SWEEP_AFTER_S"]),
        window_s=int(os.environ.get("FORGE_RECONCILE_WINDOW_S", "7200")),
    )


def time_is_left(context: Any) -> Callable[[], bool]:
    """Whether this invocation still has time, by its Lambda context."""
    return lambda: bool(context.get_remaining_time_in_millis() > TIME_KEPT_BACK_MS)
