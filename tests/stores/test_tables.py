"""The names of the tables, as a function is told them."""

from __future__ import annotations

import pytest

from tokens_forge.store.dynamodb import LedgerTables
from tokens_forge.store.tables import Tables
from tokens_forge.wallets import WalletKind

NAMES = ("WALLETS", "JOURNAL", "REQUESTS", "ACCOUNTS", "OFFICIAL_CATALOG", "ROUTED_CATALOG", "STATE", "ORDERS")
ENVIRONMENT = {f"FORGE_{name}_TABLE": f"my-{name.lower()}" for name in NAMES}


def test_each_table_has_a_variable_of_its_own() -> None:
    tables = Tables.from_environment(ENVIRONMENT)
    assert tables == Tables(*(f"my-{name.lower()}" for name in NAMES))
    assert tables.ledger == LedgerTables("my-wallets", "my-journal", "my-requests")
    assert tables.catalogs == {WalletKind.OFFICIAL: "my-official_catalog", WalletKind.ROUTED: "my-routed_catalog"}


@pytest.mark.parametrize("missing", ENVIRONMENT)
def test_a_missing_variable_is_named(missing: str) -> None:
    told = {name: value for name, value in ENVIRONMENT.items() if name != missing}
    with pytest.raises(KeyError, match=missing):
        Tables.from_environment(told)
