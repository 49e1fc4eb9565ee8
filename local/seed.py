"""Fills a fresh local stack with the demo: catalogs, the provider's credential, an account, its balance and its keys.

Running it again changes nothing that is there: the keys are read back from the demo account's own file of state.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import boto3

from local import demo
from local.admin.issuer import issuer_of
from local.settings import PAYMENTS_WEBHOOK_SECRET, Ports
from tokens_forge.accounts import Accounts
from tokens_forge.admin.audit import Author
from tokens_forge.admin.keys import LIFETIME_DAYS_DEFAULT, Scope
from tokens_forge.channels import Channel
from tokens_forge.clock import SystemClock
from tokens_forge.ids import new_id
from tokens_forge.keys import KeyKind
from tokens_forge.money import Money
from tokens_forge.settlement import Balances, Books
from tokens_forge.store.accounts import DynamoAccountStore
from tokens_forge.store.catalog import DynamoCatalogWriter
from tokens_forge.store.dynamodb import DynamoLedgerStore
from tokens_forge.store.tables import Tables
from tokens_forge.wallets import OFFICIAL_CURRENCY, WalletKind

OPENAI_URL = "https://api.openai.com/v1"


def seed(settings: Mapping[str, str], ports: Ports) -> dict[str, str]:
    """Write the catalogs, and a new funded account. Returns the lines for `.local/env` that name its keys.

    `settings` holds the proxy's environment, and OPENAI_API_KEY when the official channel is to use the real provider.
    """
    seed_catalogs(settings, ports)
    return seed_account(settings)


def seed_catalogs(settings: Mapping[str, str], ports: Ports) -> None:
    """Write models, prices, channels and routes of both wallets, and the channels' credentials."""
    prefix = settings["FORGE_SECRETS_PREFIX"]
    credential = prefix + demo.SANDBOX_CREDENTIAL
    sandbox = demo.Upstream(ports.sandbox_url, credential, "sandbox upstream (no real provider)")
    primary = demo.Upstream(ports.sandbox_primary_url, credential, "sandbox primary (no real provider)")
    _put_secret(sandbox.credential, "sandbox-key")
    payments = settings["FORGE_PAYMENT_SECRETS_PREFIX"]
    _put_secret(f"{payments}sandbox-key", "sandbox-key")
    _put_secret(f"{payments}sandbox-webhook", PAYMENTS_WEBHOOK_SECRET)
    official = sandbox
    if settings.get("OPENAI_API_KEY"):
        url = settings.get("OPENAI_UPSTREAM_BASE_URL") or OPENAI_URL
        official = demo.Upstream(url, prefix + demo.PROVIDER_CREDENTIAL, "OpenAI")
        _put_secret(official.credential, settings["OPENAI_API_KEY"])
    catalogs = DynamoCatalogWriter(_dynamodb(), Tables.from_environment(settings).catalogs)
    for channel in demo.channels(official, primary, sandbox):
        catalogs.put_channel(channel)
    catalogs.put_channel(_pool(ports.sandbox_url, prefix))
    for kind in WalletKind:
        for model in demo.models():
            catalogs.put_model(kind, model)
        for model_id, price in demo.prices(kind, _routed_currency(settings)).items():
            catalogs.put_price(kind, model_id, price)
        for route in demo.routes(kind):
            catalogs.put_route(kind, route)


def seed_account(settings: Mapping[str, str]) -> dict[str, str]:
    """Open a demo account, fund both wallets, make its keys. Their secrets are known only now: keep the answer."""
    clock = SystemClock()
    tables = Tables.from_environment(settings)
    ledger = DynamoLedgerStore(_dynamodb(), tables.ledger)
    accounts = Accounts(DynamoAccountStore(_dynamodb(), tables.accounts, tables.wallets), ledger, clock)
    account = accounts.open("Demo account", _routed_currency(settings))
    balances = Balances(Books(ledger, clock))
    for kind, amount in demo.DEMO_FUNDS.items():
        currency = OFFICIAL_CURRENCY if kind is WalletKind.OFFICIAL else account.cash_currency
        order_id = new_id("ord", clock.now_ms())
        balances.top_up(account.account_id, kind, Money.parse(amount, currency), order_id=order_id, source="demo")
    tokens = {kind: accounts.create_key(account.account_id, kind, f"demo {kind.value}").token for kind in KeyKind}
    return {
        "FORGE_ACCOUNT_ID": account.account_id,
        "FORGE_OFFICIAL_KEY": tokens[KeyKind.OFFICIAL],
        "FORGE_ROUTED_KEY": tokens[KeyKind.ROUTED],
        "FORGE_MANAGEMENT_KEY": tokens[KeyKind.MANAGE],
    }


def admin_key(settings: Mapping[str, str], present: str | None) -> str:
    """The present admin key while it opens the admin API, else a new one of every scope."""
    issuer = issuer_of(_dynamodb(), settings["FORGE_ADMIN_TABLE"], settings["FORGE_AUDIT_TABLE"])
    if present is not None and issuer.opens(present):
        return present
    author = Author("make run", "make run", "a key for the demo")
    return issuer.create("demo admin", frozenset(Scope), LIFETIME_DAYS_DEFAULT, author).token


def _pool(sandbox_url: str, prefix: str) -> Channel:
    """The pool, after giving each of its members a secret of its own."""
    for member_id in demo.POOL_MEMBERS:
        _put_secret(prefix + demo.pool_credential(member_id), f"sandbox-key-of-{member_id}")
    return demo.pool(sandbox_url, prefix)


def _dynamodb() -> Any:
    return boto3.client("dynamodb")


def _routed_currency(settings: Mapping[str, str]) -> str:
    return settings.get("FORGE_ROUTED_CURRENCY", "CNY")


def _put_secret(name: str, value: str) -> None:
    secrets = boto3.client("secretsmanager")
    try:
        secrets.create_secret(Name=name, SecretString=value)
    except secrets.exceptions.ResourceExistsException:
        secrets.put_secret_value(SecretId=name, SecretString=value)
