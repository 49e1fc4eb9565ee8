"""The composition: which real thing stands behind each port."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from functions.proxy.services import Services
from functions.proxy.settings import Settings
from functions.proxy.time_left import Deadlines
from tokens_forge.accounts import Accounts
from tokens_forge.attempts import Attempts
from tokens_forge.catalog import CatalogCache
from tokens_forge.circuits import Circuits
from tokens_forge.clock import Clock
from tokens_forge.credentials import Credentials
from tokens_forge.error_counts import ErrorCounts
from tokens_forge.gateway import Gateway
from tokens_forge.health_cache import HealthCache
from tokens_forge.identity import Authenticator
from tokens_forge.key_management import KeyManagement
from tokens_forge.limits import Limiter
from tokens_forge.observability import RequestObserver
from tokens_forge.pools import Pools
from tokens_forge.providers.port import Upstream
from tokens_forge.providers.wires import WIRES
from tokens_forge.retries.service import RetrySafety
from tokens_forge.routing import Router
from tokens_forge.settlement import Books, Settlement
from tokens_forge.statements import Statements
from tokens_forge.store.accounts import DynamoAccountStore
from tokens_forge.store.catalog import DynamoCatalogReader
from tokens_forge.store.circuits import DynamoCircuitStore
from tokens_forge.store.claims import AnswerBucket, DynamoClaimStore
from tokens_forge.store.dynamodb import DynamoLedgerStore
from tokens_forge.store.error_counts import DynamoErrorCounts
from tokens_forge.store.health import DynamoHealthStore
from tokens_forge.store.limits import DynamoLimitStore
from tokens_forge.store.pools import DynamoPoolStore
from tokens_forge.wallets import WalletKind

SLOT_OUTLIVES_REQUEST_S = 60  # time to settle the longest request before its slot in a pool counts as lost


def compose(
    settings: Settings,
    *,
    dynamodb: Any,
    s3: Callable[[], Any],
    upstream: Upstream,
    credentials: Credentials,
    clock: Clock,
) -> Services:
    """Build the services of one process.

    `dynamodb` is a low-level client that does not retry by itself; `s3` makes a client for large answers when one comes.
    """
    tables = settings.tables
    ledger = DynamoLedgerStore(dynamodb, tables.ledger)
    catalogs = DynamoCatalogReader(dynamodb, tables.catalogs)
    keys = DynamoAccountStore(dynamodb, tables.accounts, tables.wallets)
    router = Router(
        Circuits(DynamoCircuitStore(dynamodb, tables.state), clock),
        Pools(
            DynamoPoolStore(dynamodb, tables.state, clock),
            clock,
            slot_lifetime_s=settings.time_limit_s + SLOT_OUTLIVES_REQUEST_S,
        ),
        clock,
    )
    catalog_cache = CatalogCache(catalogs, clock)

    def is_model(kind: WalletKind, model_id: str) -> bool:
        catalog = catalog_cache.fresh(kind)
        return catalog is not None and model_id in catalog.models

    settlement = Settlement(Books(ledger, clock))
    gateway = Gateway(
        authenticator=Authenticator(keys, ledger, clock),
        catalogs=catalog_cache,
        settlement=settlement,
        limiter=Limiter(DynamoLimitStore(dynamodb, tables.state), clock),
        router=router,
        attempts=Attempts(upstream, credentials, WIRES, settings.attempts, clock, loopback_allowed=settings.is_local),
        clock=clock,
        observer=RequestObserver(),
    )
    return Services(
        gateway=gateway,
        inference=RetrySafety(
            gateway,
            DynamoClaimStore(dynamodb, tables.state, AnswerBucket(s3, settings.answers_bucket)),
            settlement,
            clock,
        ),
        ledger=ledger,
        keys=KeyManagement(Accounts(keys, ledger, clock), keys, ledger, catalogs.read_catalog, clock),
        statements=Statements(ledger, clock),
        deadlines=Deadlines(clock, settings.time_limit_s, in_lambda=settings.in_lambda),
        health=HealthCache(DynamoHealthStore(dynamodb, tables.state), clock),
        error_counts=ErrorCounts(DynamoErrorCounts(dynamodb, tables.state), is_model, clock),
        close=upstream.close,
    )
