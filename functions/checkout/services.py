"""What the routes work with: built once by `main`, handed to the application."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from anyio import to_thread
from fastapi import Depends, Request

from functions.web.authorization import authorization_of
from tokens_forge.catalog import Catalog, CatalogCache
from tokens_forge.checkout.port import PaymentProvider
from tokens_forge.checkout.service import Checkout
from tokens_forge.checkout.webhooks import Webhooks
from tokens_forge.clock import Clock
from tokens_forge.identity import Authenticator, Identity
from tokens_forge.store.port import LedgerStore
from tokens_forge.wallets import WalletKind


@dataclass(frozen=True, slots=True)
class Services:
    """One of each, for the life of the process."""

    authenticator: Authenticator
    checkout: Checkout
    webhooks: Webhooks
    providers: Mapping[str, PaymentProvider]
    catalogs: CatalogCache
    ledger: LedgerStore
    clock: Clock
    public_url: str

    def catalog(self, kind: WalletKind) -> Catalog:
        """What a wallet can buy. Blocks when it is not in the cache."""
        return self.catalogs.fresh(kind) or self.catalogs.read(kind)


def services(request: Request) -> Services:
    """The application's services."""
    found: Services = request.app.state.services
    return found


async def _identify(request: Request) -> Identity:
    authenticator = services(request).authenticator
    return await to_thread.run_sync(authenticator.prove, authenticator.token_of(authorization_of(request)))


Caller = Annotated[Identity, Depends(_identify)]
Served = Annotated[Services, Depends(services)]
