"""The composition: which real thing stands behind each port."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from functions.admin.addresses import AllowedAddresses
from functions.admin.services import Services
from functions.admin.settings import Settings
from tokens_forge.accounts import Accounts
from tokens_forge.admin.accounts import AccountAdministration
from tokens_forge.admin.adjustments import Adjustments
from tokens_forge.admin.audit import Audit
from tokens_forge.admin.catalog_changes import CatalogChanges
from tokens_forge.admin.diagnose import Doctor, Found
from tokens_forge.admin.discovery import ask
from tokens_forge.admin.history import History
from tokens_forge.admin.issuing import Issuer
from tokens_forge.admin.keys import AdminAuthenticator
from tokens_forge.admin.moves import MoveRules
from tokens_forge.admin.order_refunds import OrderRefunds
from tokens_forge.admin.orders import OrderBook
from tokens_forge.admin.price_versions import PriceVersions
from tokens_forge.channels import Channel
from tokens_forge.checkout.refunding import Refunding
from tokens_forge.clock import Clock
from tokens_forge.credentials import Credentials
from tokens_forge.health import Sample
from tokens_forge.key_management import KeyManagement
from tokens_forge.model_lists import ModelLists
from tokens_forge.pools import Pools
from tokens_forge.providers.port import Upstream
from tokens_forge.settlement import Balances, Books
from tokens_forge.statements import Statements
from tokens_forge.store.accounts import DynamoAccountStore
from tokens_forge.store.admin import DynamoAdminKeyStore
from tokens_forge.store.audit import DynamoAuditStore
from tokens_forge.store.catalog import DynamoCatalogReader
from tokens_forge.store.catalog_changes import DynamoCatalogChangeStore
from tokens_forge.store.circuits import DynamoCircuitStore
from tokens_forge.store.dynamodb import DynamoLedgerStore
from tokens_forge.store.error_counts import DynamoErrorCounts
from tokens_forge.store.health import DynamoHealthStore
from tokens_forge.store.limits import DynamoLimitStore
from tokens_forge.store.moves import DynamoMoveStore
from tokens_forge.store.orders import DynamoOrderStore
from tokens_forge.store.pools import DynamoPoolStore
from tokens_forge.store.requests_of_wallet import DynamoRequestReader
from tokens_forge.store.state import DynamoStateStore
from tokens_forge.store.wallet_status import DynamoWalletStatusStore


def compose(
    settings: Settings,
    *,
    dynamodb: Any,
    upstream: Callable[[], Upstream],
    credentials: Credentials,
    clock: Clock,
    refunding: Callable[[], Refunding],
) -> Services:
    """Build the services of one process.

    `dynamodb` is a low-level client that does not retry by itself. `upstream` makes one for each call of a channel: connections
    belong to the event loop of one request. `refunding` is called when the first refund is asked for.
    """
    tables = settings.tables
    audit_store = DynamoAuditStore(dynamodb, settings.audit_table)
    audit = Audit(audit_store, clock)
    admin_keys = DynamoAdminKeyStore(dynamodb, settings.admin_table, audit_store)
    ledger = DynamoLedgerStore(dynamodb, tables.ledger)
    keys = DynamoAccountStore(dynamodb, tables.accounts, tables.wallets)
    accounts = Accounts(keys, ledger, clock)
    catalogs = DynamoCatalogReader(dynamodb, tables.catalogs)
    orders = DynamoOrderStore(dynamodb, tables.orders)
    move_rules = MoveRules(audit, clock, settings.adjustment_limits_nano, settings.routed_currency)
    health = DynamoHealthStore(dynamodb, tables.state)
    circuits = DynamoCircuitStore(dynamodb, tables.state)
    pools = Pools(DynamoPoolStore(dynamodb, tables.state, clock), clock, slot_lifetime_s=0)  # it reads only
    changes = CatalogChanges(
        DynamoCatalogChangeStore(dynamodb, tables.catalogs, audit_store),
        audit,
        clock,
        secrets_prefix=settings.secrets_prefix,
        loopback_allowed=settings.is_local,
    )

    @asynccontextmanager
    async def model_lists() -> AsyncIterator[ModelLists]:
        opened = upstream()
        try:
            yield ModelLists(opened, credentials, loopback_allowed=settings.is_local)
        finally:
            await opened.close()

    async def probe(channel: Channel) -> Sample | None:
        began_ms = clock.now_ms()
        async with model_lists() as lists:
            outcome = (await ask(lists, channel)).outcome
        now_ms = clock.now_ms()
        return Sample(now_ms, outcome, now_ms - began_ms) if outcome is not None else None

    return Services(
        addresses=AllowedAddresses(settings.allowed_networks, in_lambda=settings.in_lambda),
        authenticator=AdminAuthenticator(admin_keys, clock),
        admin_keys=Issuer(admin_keys, audit, clock),
        audit=audit,
        changes=changes,
        prices=PriceVersions(changes, clock),
        accounts=AccountAdministration(
            accounts,
            keys,
            KeyManagement(accounts, keys, ledger, catalogs.read_catalog, clock),
            ledger,
            DynamoWalletStatusStore(dynamodb, tables.wallets, audit_store),
            audit,
            clock,
        ),
        adjustments=Adjustments(
            DynamoMoveStore(dynamodb, settings.admin_table, audit_store, Adjustments.word),
            move_rules,
            Balances(Books(ledger, clock)),
            ledger,
        ),
        orders=OrderBook(orders, clock),
        refunds=OrderRefunds(
            DynamoMoveStore(dynamodb, settings.admin_table, audit_store, OrderRefunds.word),
            move_rules,
            orders,
            refunding,
        ),
        doctor=Doctor(
            keys,
            ledger,
            catalogs,
            Found(DynamoLimitStore(dynamodb, tables.state), health, circuits, pools.status, probe),
            clock,
        ),
        history=History(DynamoRequestReader(dynamodb, tables.requests), ledger, clock),
        statements=Statements(ledger, clock),
        health=health,
        circuits=circuits,
        pools=pools,
        error_counts=DynamoErrorCounts(dynamodb, tables.state),
        state=DynamoStateStore(dynamodb, tables.state),
        model_lists=model_lists,
        routed_currency=settings.routed_currency,
        clock=clock,
    )
