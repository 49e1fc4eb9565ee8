"""The deployed names of the tables, as the template tells them to every function."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from tokens_forge.store.dynamodb import LedgerTables
from tokens_forge.wallets import WalletKind


@dataclass(frozen=True, slots=True)
class Tables:
    """One name for each table of docs/architecture.md."""

    wallets: str
    journal: str
    requests: str
    accounts: str
    official_catalog: str
    routed_catalog: str
    state: str
    orders: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Tables:
        """Raises KeyError that names the missing variable."""
        return cls(
            wallets=environment["FORGE_WALLETS_TABLE"],
            journal=environment["FORGE_JOURNAL_TABLE"],
            requests=environment["FORGE_REQUESTS_TABLE"],
            accounts=environment["FORGE_ACCOUNTS_TABLE"],
            official_catalog=environment["FORGE_OFFICIAL_CATALOG_TABLE"],
            routed_catalog=environment["FORGE_ROUTED_CATALOG_TABLE"],
            state=environment["FORGE_STATE_TABLE"],
            orders=environment["FORGE_ORDERS_TABLE"],
        )

    @property
    def ledger(self) -> LedgerTables:
        """The three money tables."""
        return LedgerTables(self.wallets, self.journal, self.requests)

    @property
    def catalogs(self) -> dict[WalletKind, str]:
        """The catalog of each wallet."""
        return {WalletKind.OFFICIAL: self.official_catalog, WalletKind.ROUTED: self.routed_catalog}
