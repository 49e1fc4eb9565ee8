"""The composition: which real thing stands behind each port."""

from __future__ import annotations

from typing import Any

from functions.proxy.services import Services
from functions.proxy.settings import Settings
from tokens_forge.catalog import CatalogCache
from tokens_forge.chat_attempt import ChatAttempts
from tokens_forge.clock import Clock
from tokens_forge.credentials import Credentials
from tokens_forge.gateway import Gateway
from tokens_forge.identity import Authenticator
from tokens_forge.providers.port import Upstream
from tokens_forge.settlement import Books, Settlement
from tokens_forge.statements import Statements
from tokens_forge.store.accounts import DynamoAccountStore
from tokens_forge.store.catalog import DynamoCatalogReader
from tokens_forge.store.dynamodb import DynamoLedgerStore


def compose(
    settings: Settings, *, dynamodb: Any, upstream: Upstream, credentials: Credentials, clock: Clock
) -> Services:
    """Build the services of one process. `dynamodb` is a low-level client that does not retry by itself."""
    tables = settings.tables
    ledger = DynamoLedgerStore(dynamodb, tables.ledger)
    catalogs = DynamoCatalogReader(dynamodb, tables.catalogs)
    gateway = Gateway(
        authenticator=Authenticator(DynamoAccountStore(dynamodb, tables.accounts), ledger, clock),
        catalogs=CatalogCache(catalogs, clock),
        settlement=Settlement(Books(ledger, clock)),
        attempts=ChatAttempts(upstream, credentials, connect_s=settings.connect_s, silence_s=settings.silence_s),
        clock=clock,
        time_limit_s=settings.time_limit_s,
    )
    return Services(gateway=gateway, ledger=ledger, statements=Statements(ledger, clock), close=upstream.close)
