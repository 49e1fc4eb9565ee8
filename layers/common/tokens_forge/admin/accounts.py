"""Accounts and their keys, as admins manage them. Opening an account and making a key take several writes: see `audit`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from tokens_forge.accounts import Account, Accounts
from tokens_forge.admin.audit import Audit, AuditRecord, Author, Log
from tokens_forge.clock import Clock
from tokens_forge.errors import Conflict, NotFound
from tokens_forge.ids import iso_of
from tokens_forge.key_management import KeyManagement, KeySettings
from tokens_forge.keys import Key, KeyKind, NewKey
from tokens_forge.repetition import RetryRule
from tokens_forge.store.port import LedgerStore
from tokens_forge.views import key_view, wallet_view
from tokens_forge.wallets import Wallet, WalletKind, WalletStatus


class AccountReader(Protocol):
    """Where accounts are read."""

    def read_account(self, account_id: str) -> Account | None:
        """A consistent read."""
        ...

    def accounts_after(self, account_id: str | None, limit: int) -> list[Account]:
        """Up to `limit` accounts beyond this one, in the table's own order."""
        ...


class WalletStatusStore(Protocol):
    """Where wallets are frozen and let go."""

    def change_status(
        self, account_id: str, kinds: Sequence[WalletKind], to: WalletStatus, record: AuditRecord
    ) -> bool:
        """Give these wallets another status, all or none; False when one of them has it already."""
        ...


@dataclass(frozen=True, slots=True)
class Opened:
    """An account with both wallets."""

    account: Account
    wallets: tuple[Wallet, ...]

    def view(self) -> dict[str, Any]:
        """Both wallets side by side, never summed."""
        return {**account_view(self.account), "wallets": [wallet_view(wallet) for wallet in self.wallets]}


class AccountAdministration:
    """Its methods block."""

    def __init__(
        self,
        accounts: Accounts,
        reader: AccountReader,
        keys: KeyManagement,
        ledger: LedgerStore,
        statuses: WalletStatusStore,
        audit: Audit,
        clock: Clock,
    ) -> None:
        self._accounts = accounts
        self._reader = reader
        self._keys = keys
        self._ledger = ledger
        self._statuses = statuses
        self._audit = audit
        self._clock = clock
        self._retry = RetryRule()

    def page(self, after: str | None, limit: int) -> tuple[list[Account], str | None]:
        """Accounts in the table's own order, and the id to go on from."""
        found = self._reader.accounts_after(after, limit + 1)
        return found[:limit], found[limit - 1].account_id if len(found) > limit else None

    def read(self, account_id: str) -> Opened:
        """An account with both wallets. Raises NotFound."""
        account = self._reader.read_account(account_id)
        if account is None:
            raise NotFound(f"There is no account {account_id!r}.")
        wallets = [self._ledger.read_wallet(account_id, kind) for kind in WalletKind]
        return Opened(account, tuple(wallet for wallet in wallets if wallet is not None))

    def open(self, name: str, cash_currency: str, author: Author) -> Opened:
        """A new account with two empty wallets."""
        wanted = {"name": name, "cash_currency": cash_currency}
        return self._audit.around(
            Log.DEPLOYMENT,
            author,
            "account.open",
            name,
            wanted,
            lambda: self.read(self._accounts.open(name, cash_currency).account_id),
            Opened.view,
        )

    def set_status(self, account_id: str, kinds: Sequence[WalletKind], to: WalletStatus, author: Author) -> Opened:
        """Freeze wallets, or let them go. It holds from the next request on. Raises NotFound or Conflict."""
        before = self.read(account_id)
        changing = [wallet.kind for wallet in before.wallets if wallet.kind in kinds and wallet.status is not to]
        if not changing:
            raise Conflict(f"This is {to.value} already.", extras={"current": before.view()})
        record = self._audit.record(
            Log.DEPLOYMENT,
            author,
            "account.freeze" if to is WalletStatus.FROZEN else "account.unfreeze",
            account_id,
            {wallet.kind.value: wallet.status.value for wallet in before.wallets},
            {kind.value: to.value for kind in changing},
        )
        done = self._retry.again(lambda: self._statuses.change_status(account_id, changing, to, record), self._clock)
        after = self.read(account_id)
        if not done:
            raise Conflict(
                f"The account {account_id} was changed by somebody else just now.", extras={"current": after.view()}
            )
        return after

    def keys(self, account_id: str) -> list[dict[str, Any]]:
        """All keys of an account, newest first, revoked ones too. Raises NotFound."""
        wallets = {wallet.kind: wallet for wallet in self.read(account_id).wallets}
        return [
            key_view(key, wallets.get(key.kind.wallet) if key.kind.wallet else None)
            for key in self._keys.list(account_id)
        ]

    def create_key(self, account_id: str, kind: KeyKind, settings: KeySettings, author: Author) -> NewKey:
        """A new key of one wallet, or a management key. Its token is known only now."""
        self.read(account_id)

        def make() -> NewKey:
            if kind.wallet is None:
                return self._accounts.create_key(account_id, kind, settings.name, expires_at_ms=settings.expires_at_ms)
            return self._keys.create(account_id, kind.wallet, settings)

        return self._audit.around(
            Log.DEPLOYMENT,
            author,
            "key.create",
            account_id,
            {"account_id": account_id, "kind": kind.value, "name": settings.name},
            make,
            lambda made: self.key_view(made.key),
        )

    def currency(self, account_id: str, kind: WalletKind) -> str:
        """The currency of a wallet. Raises RequestError when the account has no such wallet."""
        return self._keys.currency(account_id, kind)

    def revoke_key(self, account_id: str, key_id: str, author: Author) -> Key:
        """Revoke a key at once and for ever. Raises NotFound, also for another account's key."""
        before = self._keys.read(account_id, key_id)
        return self._audit.around(
            Log.DEPLOYMENT,
            author,
            "key.revoke",
            key_id,
            self.key_view(before),
            lambda: self._keys.revoke(account_id, key_id),
            self.key_view,
        )

    def key_view(self, key: Key) -> dict[str, Any]:
        """A key, and what is left of its spend limit."""
        kind = key.kind.wallet
        return key_view(key, self._ledger.read_wallet(key.account_id, kind) if kind is not None else None)


def account_view(account: Account) -> dict[str, Any]:
    """An account, without its wallets."""
    return {
        "object": "account",
        "id": account.account_id,
        "name": account.name,
        "cash_currency": account.cash_currency,
        "created_at": iso_of(account.created_at_ms),
    }
