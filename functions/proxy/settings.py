"""What the deployment tells the proxy, through environment variables."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    """Names of tables; limits in seconds."""

    wallets_table: str
    journal_table: str
    requests_table: str
    accounts_table: str
    official_catalog_table: str
    routed_catalog_table: str
    connect_s: float
    silence_s: float
    time_limit_s: float

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Raises KeyError that names the missing variable."""
        return cls(
            wallets_table=environment["FORGE_WALLETS_TABLE"],
            journal_table=environment["FORGE_JOURNAL_TABLE"],
            requests_table=environment["FORGE_REQUESTS_TABLE"],
            accounts_table=environment["FORGE_ACCOUNTS_TABLE"],
            official_catalog_table=environment["FORGE_OFFICIAL_CATALOG_TABLE"],
            routed_catalog_table=environment["FORGE_ROUTED_CATALOG_TABLE"],
            connect_s=float(environment.get("FORGE_UPSTREAM_CONNECT_S", "5")),
            silence_s=float(environment.get("FORGE_UPSTREAM_SILENCE_S", "60")),
            time_limit_s=float(environment.get("FORGE_TIME_LIMIT_S", "840")),
        )
