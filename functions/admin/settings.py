"""What the deployment tells the admin API, through environment variables."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network

from tokens_forge.money import Money
from tokens_forge.store.tables import Tables
from tokens_forge.wallets import WalletKind

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Settings:
    """Names of tables and limits. `allowed_networks` is empty when any address may call.

    `adjustment_limits_nano` is what one admin key may move by itself in a day, for each wallet, in its currency.
    """

    tables: Tables
    admin_table: str
    audit_table: str
    routed_currency: str
    secrets_prefix: str
    allowed_networks: tuple[Network, ...]
    adjustment_limits_nano: Mapping[WalletKind, int]
    is_local: bool
    in_lambda: bool

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Raises KeyError that names the missing variable, and ValueError for an address that is none: it refuses to start."""
        addresses = [part.strip() for part in environment.get("FORGE_ADMIN_ALLOWED_ADDRESSES", "").split(",")]
        currency = environment.get("FORGE_ROUTED_CURRENCY", "CNY")
        return cls(
            tables=Tables.from_environment(environment),
            admin_table=environment["FORGE_ADMIN_TABLE"],
            audit_table=environment["FORGE_AUDIT_TABLE"],
            routed_currency=currency,
            secrets_prefix=environment.get("FORGE_SECRETS_PREFIX", "tokens-forge/local/"),
            allowed_networks=tuple(ip_network(address) for address in addresses if address),
            adjustment_limits_nano={
                WalletKind.OFFICIAL: Money.parse(environment.get("FORGE_ADJUSTMENT_LIMIT_OFFICIAL", "100"), "USD").nano,
                WalletKind.ROUTED: Money.parse(environment.get("FORGE_ADJUSTMENT_LIMIT_ROUTED", "500"), currency).nano,
            },
            is_local=environment.get("FORGE_STAGE", "local") == "local",
            in_lambda="AWS_LAMBDA_FUNCTION_NAME" in environment,
        )
