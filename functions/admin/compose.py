"""The composition: which real thing stands behind each port."""

from __future__ import annotations

from typing import Any

from functions.admin.addresses import AllowedAddresses
from functions.admin.services import Services
from functions.admin.settings import Settings
from tokens_forge.admin.audit import Audit
from tokens_forge.admin.catalog_changes import CatalogChanges
from tokens_forge.admin.keys import AdminAuthenticator
from tokens_forge.admin.price_versions import PriceVersions
from tokens_forge.clock import Clock
from tokens_forge.credentials import Credentials
from tokens_forge.providers.port import Upstream
from tokens_forge.store.admin import DynamoAdminKeyStore
from tokens_forge.store.audit import DynamoAuditStore
from tokens_forge.store.catalog_changes import DynamoCatalogChangeStore


def compose(
    settings: Settings, *, dynamodb: Any, upstream: Upstream, credentials: Credentials, clock: Clock
) -> Services:
    """Build the services of one process. `dynamodb` is a low-level client that does not retry by itself."""
    tables = settings.tables
    audit_store = DynamoAuditStore(dynamodb, settings.audit_table)
    audit = Audit(audit_store, clock)
    keys = DynamoAdminKeyStore(dynamodb, settings.admin_table, audit_store)
    changes = CatalogChanges(
        DynamoCatalogChangeStore(dynamodb, tables.catalogs, audit_store),
        audit,
        clock,
        secrets_prefix=settings.secrets_prefix,
        loopback_allowed=settings.is_local,
    )
    return Services(
        addresses=AllowedAddresses(settings.allowed_networks, in_lambda=settings.in_lambda),
        authenticator=AdminAuthenticator(keys, clock),
        keys=keys,
        audit=audit,
        changes=changes,
        prices=PriceVersions(changes, clock),
        clock=clock,
        close=upstream.close,
    )
