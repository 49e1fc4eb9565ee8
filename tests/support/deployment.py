"""The product put together for a test: real application, real stores on an engine, real HTTP to a scripted provider.

Only the credential store is a stand-in; `tests/stack/test_credentials.py` covers the real one.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Any

from fastapi import FastAPI

from functions.health.compose import ScheduledWork, compose_health_check
from functions.health.compose import compose as scheduled_work
from functions.proxy.app import create_app
from functions.proxy.compose import compose
from functions.proxy.services import Services
from functions.proxy.settings import Settings
from local import demo
from tests.support.engines import Engine
from tokens_forge.accounts import Account, Accounts
from tokens_forge.catalog import CatalogThing, PriceVersion, Route
from tokens_forge.channels import Channel
from tokens_forge.clock import Clock, SystemClock
from tokens_forge.credentials import Credentials
from tokens_forge.health_check import HealthReport
from tokens_forge.ids import new_id
from tokens_forge.keys import KeyKind, parse_token
from tokens_forge.money import Money
from tokens_forge.providers.http import HttpUpstream
from tokens_forge.settlement import Balances, Books
from tokens_forge.store.accounts import DynamoAccountStore
from tokens_forge.store.catalog import DynamoCatalogWriter, catalog_item
from tokens_forge.store.dynamodb import DynamoLedgerStore
from tokens_forge.store.health import DynamoHealthStore
from tokens_forge.wallets import Wallet, WalletKind

CREDENTIAL = "sandbox-credential-of-the-operator"
MODEL = "gpt-4o-mini"
SWEEP_AFTER_S = 960


class KnownCredentials:
    """A stand-in for Secrets Manager: every name has the same value."""

    def fresh(self, name: str) -> str | None:
        return CREDENTIAL

    def read(self, name: str) -> str:
        return CREDENTIAL

    def forget(self, name: str) -> None:
        """Nothing to forget."""


@dataclass(frozen=True)
class Deployment:
    """One account with both wallets, the demo catalog, and the application that serves it."""

    engine: Engine
    settings: Settings
    services: Services
    app: FastAPI
    ledger: DynamoLedgerStore
    accounts: Accounts
    catalogs: DynamoCatalogWriter
    balances: Balances
    account: Account
    client: Any

    def wallet(self, kind: WalletKind = WalletKind.OFFICIAL) -> Wallet:
        """The wallet as it is stored; every stored wallet must pass its own check."""
        wallet = self.ledger.read_wallet(self.account.account_id, kind)
        assert wallet is not None
        wallet.check()
        return wallet

    def other_account(self) -> Deployment:
        """The same deployment, seen by another account with two empty wallets."""
        return replace(self, account=self.accounts.open("Another account", "CNY"))

    def scheduled(self, clock: Clock | None = None, *, window_s: int = 7200) -> ScheduledWork:
        """The sweeper and the reconciliation on the same tables."""
        return scheduled_work(
            self.settings.tables, self.client, clock or SystemClock(), sweep_after_s=SWEEP_AFTER_S, window_s=window_s
        )

    def look(
        self, clock: Clock | None = None, *, credentials: Credentials | None = None, loopback_allowed: bool = True
    ) -> HealthReport:
        """Run the health check once, over real HTTP."""
        upstream = HttpUpstream()
        check = compose_health_check(
            self.settings.tables,
            self.client,
            credentials or KnownCredentials(),
            upstream,
            clock or SystemClock(),
            loopback_allowed=loopback_allowed,
        )

        async def run() -> HealthReport:
            try:
                return await check.run()
            finally:
                await upstream.close()

        return asyncio.run(run())

    @property
    def health(self) -> DynamoHealthStore:
        """What the health check has written."""
        return DynamoHealthStore(self.client, self.settings.tables.state)

    def fund(self, kind: WalletKind, amount: str) -> None:
        """Top up a wallet of the account in its own currency."""
        money = Money.parse(amount, self.wallet(kind).currency)
        order_id = new_id("ord", SystemClock().now_ms())
        self.balances.top_up(self.account.account_id, kind, money, order_id=order_id, source="test")

    def key(self, kind: KeyKind = KeyKind.OFFICIAL, **limits: Any) -> str:
        """A new key's token."""
        return self.accounts.create_key(self.account.account_id, kind, "test", **limits).token

    def revoke(self, token: str) -> None:
        """Revoke a key, as its owner would."""
        parsed = parse_token(token)
        assert parsed is not None
        key = DynamoAccountStore(self.client, self.settings.tables.accounts, self.settings.tables.wallets).read_key(
            parsed.account_id, parsed.key_id
        )
        assert key is not None
        self.accounts.revoke_key(key)

    def route(self, *channels: Channel, kind: WalletKind = WalletKind.OFFICIAL, model: str = MODEL) -> None:
        """Replace a model's route."""
        for channel in channels:
            self.catalogs.put_channel(channel)
        self.catalogs.put_route(kind, Route(model, tuple(channel.channel_id for channel in channels)))


def deploy(
    engine: Engine,
    upstream_url: str,
    *,
    clock: Clock | None = None,
    client: Any = None,
    credentials: Credentials | None = None,
    **limits: float,
) -> Deployment:
    """Put the product together. `limits` are the time limits of Settings, in seconds."""
    settings = Settings.from_environment(engine.environment())
    chosen: dict[str, Any] = {"connect_s": 2.0, "first_byte_s": 5.0, "whole_s": 5.0, "silence_s": 5.0, **limits}
    time_limit_s = chosen.pop("time_limit_s", 20.0)
    settings = replace(settings, attempts=replace(settings.attempts, **chosen), time_limit_s=time_limit_s)
    client = client or engine.client()
    clock = clock or SystemClock()
    services = compose(
        settings,
        dynamodb=client,
        s3=engine.s3,
        upstream=HttpUpstream(),
        credentials=credentials or KnownCredentials(),
        clock=clock,
    )
    tables = settings.tables
    ledger = DynamoLedgerStore(client, tables.ledger)
    accounts = Accounts(DynamoAccountStore(client, settings.tables.accounts, settings.tables.wallets), ledger, clock)
    _put_demo_catalog(client, settings, upstream_url)
    return Deployment(
        engine=engine,
        settings=settings,
        services=services,
        app=create_app(services),
        ledger=ledger,
        accounts=accounts,
        catalogs=DynamoCatalogWriter(client, tables.catalogs),
        balances=Balances(Books(ledger, clock)),
        account=accounts.open("Test account", "CNY"),
        client=client,
    )


def _put_demo_catalog(client: Any, settings: Settings, upstream_url: str) -> None:
    """In two requests instead of thirty: nearly every test begins with it, on empty tables."""
    provider = demo.Upstream(upstream_url, "any", "scripted provider")
    for kind in WalletKind:
        things: list[CatalogThing] = [
            *(channel for channel in demo.channels(provider, provider, provider) if channel.kind.wallet is kind),
            *demo.models(),
            *(PriceVersion(model_id, price) for model_id, price in demo.prices(kind, "CNY").items()),
            *demo.routes(kind),
        ]
        puts = [{"PutRequest": {"Item": catalog_item(thing)}} for thing in things]
        answer = client.batch_write_item(RequestItems={settings.tables.catalogs[kind]: puts})
        assert not answer["UnprocessedItems"], "a local engine takes all of one request"


def demo_channel(upstream_url: str, channel_id: str, *, kind: WalletKind = WalletKind.OFFICIAL) -> Channel:
    """A channel of the wallet's class that serves the demo models."""
    provider = demo.Upstream(upstream_url, "any", "scripted provider")
    official, ordinary, *_ = demo.channels(provider, provider, provider)
    return replace(official if kind is WalletKind.OFFICIAL else ordinary, channel_id=channel_id)
