"""Opening an account."""

from __future__ import annotations

from tests.properties.product import HandClock
from tests.unit.builders import NOW_MS
from tokens_forge.accounts import Account, Accounts
from tokens_forge.keys import Key
from tokens_forge.store.simulated import SimulatedLedgerStore
from tokens_forge.wallets import WalletKind


class Watching:
    """Looks at the wallets at the moment at which an account is first seen."""

    def __init__(self, ledger: SimulatedLedgerStore) -> None:
        self.ledger = ledger
        self.wallets_seen: set[WalletKind] = set()

    def put_account(self, account: Account) -> bool:
        self.wallets_seen = {kind for account_id, kind in self.ledger.wallets if account_id == account.account_id}
        return True

    def put_key(self, key: Key) -> bool:
        raise NotImplementedError

    def change_key(self, key: Key, before: Key) -> bool:
        raise NotImplementedError

    def mark_revoked(self, account_id: str, key_id: str) -> None:
        raise NotImplementedError


def test_no_account_is_ever_seen_without_its_wallets() -> None:
    """The reconciliation lists accounts while others are opened, and raises an alarm for a missing wallet."""
    ledger = SimulatedLedgerStore()
    store = Watching(ledger)
    Accounts(store, ledger, HandClock(NOW_MS)).open("Somebody", "CNY")
    assert store.wallets_seen == set(WalletKind)
