"""The composition: which real thing stands behind each port."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from functions.checkout.services import Services
from functions.checkout.settings import Settings
from tokens_forge.catalog import CatalogCache
from tokens_forge.checkout.comparison import Comparison
from tokens_forge.checkout.port import PaymentProvider
from tokens_forge.checkout.progress import Progress
from tokens_forge.checkout.providers.stripe import HttpClient, StripeProvider, bounded_http_client
from tokens_forge.checkout.refunding import Refunding
from tokens_forge.checkout.service import Checkout
from tokens_forge.checkout.webhooks import Webhooks
from tokens_forge.clock import Clock
from tokens_forge.credentials import Credentials
from tokens_forge.identity import Authenticator
from tokens_forge.settlement import Balances, Books, Refunds
from tokens_forge.store.accounts import DynamoAccountStore
from tokens_forge.store.catalog import DynamoCatalogReader
from tokens_forge.store.dynamodb import DynamoLedgerStore
from tokens_forge.store.limits import DynamoLimitStore
from tokens_forge.store.orders import DynamoOrderStore
from tokens_forge.store.state import DynamoStateStore

STRIPE, SANDBOX = "stripe", "sandbox"


@dataclass(frozen=True, slots=True)
class CheckoutWork:
    """Everything that works on orders: for the routes, for the daily comparison, and `refunding` for the admin API."""

    services: Services
    refunding: Refunding
    comparison: Comparison
    provider: PaymentProvider
    state: DynamoStateStore


def compose(
    settings: Settings,
    *,
    dynamodb: Any,
    credentials: Credentials,
    clock: Clock,
    http_client: Callable[[], HttpClient] = bounded_http_client,
) -> CheckoutWork:
    """Build everything on one client, which does not repeat by itself. New orders are paid in the sandbox where there is one."""
    tables = settings.tables
    ledger = DynamoLedgerStore(dynamodb, tables.ledger)
    books = Books(ledger, clock)
    progress = Progress(DynamoOrderStore(dynamodb, tables.orders), ledger, Balances(books), Refunds(books), clock)
    providers = payment_providers(settings, credentials, http_client)
    chosen = SANDBOX if SANDBOX in providers else STRIPE
    limits = DynamoLimitStore(dynamodb, tables.state)
    checkout = Checkout(progress, ledger, providers, limits, clock, provider=chosen, limits=settings.limits)
    refunding = Refunding(progress, providers)
    return CheckoutWork(
        services=Services(
            authenticator=Authenticator(DynamoAccountStore(dynamodb, tables.accounts, tables.wallets), ledger, clock),
            checkout=checkout,
            webhooks=Webhooks(progress, checkout),
            providers=providers,
            catalogs=CatalogCache(DynamoCatalogReader(dynamodb, tables.catalogs), clock),
            ledger=ledger,
            clock=clock,
            public_url=settings.public_url,
        ),
        refunding=refunding,
        comparison=Comparison(progress, refunding, window_s=settings.compare_window_s),
        provider=providers[chosen],
        state=DynamoStateStore(dynamodb, tables.state),
    )


def payment_providers(
    settings: Settings, credentials: Credentials, http_client: Callable[[], HttpClient]
) -> dict[str, PaymentProvider]:
    """Stripe, and in the stage `local` the sandbox, which speaks as Stripe does under names and secrets of its own."""
    urls: dict[str, str | None] = {STRIPE: None}
    if settings.sandbox_url is not None:
        urls[SANDBOX] = settings.sandbox_url
    return {
        name: StripeProvider(
            name,
            credentials,
            api_key_name=f"{settings.secrets_prefix}{name}-key",
            webhook_secret_name=f"{settings.secrets_prefix}{name}-webhook",
            deployment=settings.deployment,
            http_client=http_client,
            api_url=url,
        )
        for name, url in urls.items()
    }
