"""What the routes work with, and who may call them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Annotated

from anyio import to_thread
from fastapi import Depends, Request

from functions.admin.addresses import AllowedAddresses
from tokens_forge.admin.accounts import AccountAdministration
from tokens_forge.admin.adjustments import Adjustments
from tokens_forge.admin.audit import Audit
from tokens_forge.admin.catalog_changes import CatalogChanges
from tokens_forge.admin.diagnose import CircuitReader, Doctor
from tokens_forge.admin.history import History
from tokens_forge.admin.issuing import Issuer
from tokens_forge.admin.keys import AdminAuthenticator, AdminKey, Scope, require_scope
from tokens_forge.admin.order_refunds import OrderRefunds
from tokens_forge.admin.orders import OrderBook
from tokens_forge.admin.price_versions import PriceVersions
from tokens_forge.clock import Clock
from tokens_forge.health import HealthStore
from tokens_forge.model_lists import ModelLists
from tokens_forge.pools import Pools
from tokens_forge.statements import Statements
from tokens_forge.store.error_counts import DynamoErrorCounts
from tokens_forge.store.state import DynamoStateStore


@dataclass(frozen=True, slots=True)
class Services:
    """One of each, for the life of the process."""

    addresses: AllowedAddresses
    authenticator: AdminAuthenticator
    admin_keys: Issuer
    audit: Audit
    changes: CatalogChanges
    prices: PriceVersions
    accounts: AccountAdministration
    adjustments: Adjustments
    orders: OrderBook
    refunds: OrderRefunds
    doctor: Doctor
    history: History
    statements: Statements
    health: HealthStore
    circuits: CircuitReader
    pools: Pools
    error_counts: DynamoErrorCounts
    state: DynamoStateStore
    model_lists: Callable[[], AbstractAsyncContextManager[ModelLists]]
    routed_currency: str
    clock: Clock


def services(request: Request) -> Services:
    """The application's services."""
    found: Services = request.app.state.services
    return found


class Requires:
    """A dependency: the caller's admin key, if it has this scope. Every route has one; a test asserts it."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    async def __call__(self, request: Request) -> AdminKey:
        """The address is judged before the key: a stranger learns nothing about keys."""
        served = services(request)
        served.addresses.check(request.scope)
        key = await to_thread.run_sync(served.authenticator.prove, request.headers.get("authorization"))
        require_scope(key, self.scope)
        return key


Reader = Annotated[AdminKey, Depends(Requires(Scope.READ))]
Operator = Annotated[AdminKey, Depends(Requires(Scope.OPERATE))]
Financier = Annotated[AdminKey, Depends(Requires(Scope.FINANCE))]
Served = Annotated[Services, Depends(services)]
