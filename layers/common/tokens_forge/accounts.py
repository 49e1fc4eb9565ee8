"""Accounts: opened with both wallets, given keys, and keys taken away at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from tokens_forge.clock import Clock
from tokens_forge.keys import NO_LIMITS, Key, KeyKind, KeyLimits, NewKey, mint, new_account_id, rotate
from tokens_forge.money import Money
from tokens_forge.store.port import LedgerStore
from tokens_forge.wallets import OFFICIAL_CURRENCY, Wallet, WalletKind


@dataclass(frozen=True, slots=True)
class Account:
    """A customer. `cash_currency` is the currency of its routed balance."""

    account_id: str
    name: str
    cash_currency: str
    created_at_ms: int


class SpentMore(Exception):
    """A key has spent or set aside more than the limit that it was to get."""


class AccountStore(Protocol):
    """Where accounts and keys are kept."""

    def put_account(self, account: Account) -> bool:
        """Create the account's record; False when it exists."""
        ...

    def put_key(self, key: Key) -> bool:
        """Write a new key's record; False when its id is taken."""
        ...

    def change_key(self, key: Key, before: Key) -> bool:
        """Write a key's record over the one it was made from, move what it has left to spend, and raise its wallet's auth epoch.

        All of it or nothing; False when the record has changed meanwhile. A new spend limit moves by the difference, so that what
        was spent stays spent. Raises SpentMore when too little is left for that.
        """
        ...

    def mark_revoked(self, account_id: str, key_id: str) -> None:
        """Revoke the key in its record."""
        ...


class Accounts:
    """Opens accounts and manages their keys."""

    def __init__(self, store: AccountStore, ledger: LedgerStore, clock: Clock) -> None:
        self._store = store
        self._ledger = ledger
        self._clock = clock

    def open(self, name: str, cash_currency: str) -> Account:
        """A new account with two empty wallets: official in US dollars, routed in `cash_currency`.

        The wallets come first, so that no account is ever seen without them.
        """
        now_ms = self._clock.now_ms()
        account = Account(new_account_id(), name, Money(0, cash_currency).currency, now_ms)
        for kind, currency in ((WalletKind.OFFICIAL, OFFICIAL_CURRENCY), (WalletKind.ROUTED, cash_currency)):
            opened = self._ledger.open_wallet(Wallet(account.account_id, kind, currency, opened_at_ms=now_ms))
            assert opened, "an account id came up twice"
        assert self._store.put_account(account), "an account id came up twice"
        return account

    def create_key(
        self,
        account_id: str,
        kind: KeyKind,
        name: str,
        *,
        allowed_models: frozenset[str] | None = None,
        spend_limit_nano: int | None = None,
        expires_at_ms: int | None = None,
        limits: KeyLimits = NO_LIMITS,
    ) -> NewKey:
        """A new key. Its spend limit is set on the wallet before the key exists, so the key can never spend without it."""
        made = mint(
            account_id,
            kind,
            name,
            now_ms=self._clock.now_ms(),
            allowed_models=allowed_models,
            spend_limit_nano=spend_limit_nano,
            expires_at_ms=expires_at_ms,
            limits=limits,
        )
        if kind.wallet is not None and spend_limit_nano is not None:
            self._ledger.set_key_spend_limit(account_id, kind.wallet, made.key.key_id, spend_limit_nano)
        assert self._store.put_key(made.key), "a key id came up twice"
        return made

    def change_key(self, before: Key, key: Key) -> bool:
        """Change a key at once for everybody; False when somebody else changed it meanwhile, and nothing was done.

        Raises SpentMore when the key has spent or set aside more than a new spend limit already.
        """
        return self._store.change_key(key, before)

    def rotate_key(self, key: Key, *, grace_s: int) -> NewKey | None:
        """A new secret; the present one opens the key for `grace_s` more seconds. None when the key was changed meanwhile."""
        made = rotate(key, now_ms=self._clock.now_ms(), grace_s=grace_s)
        return made if self._store.change_key(made.key, key) else None

    def revoke_key(self, key: Key) -> None:
        """Revoke at once: first the record, then the epoch that every cached copy of the key is checked against."""
        self._store.mark_revoked(key.account_id, key.key_id)
        if key.kind.wallet is not None:
            self._ledger.raise_auth_epoch(key.account_id, key.kind.wallet)
