"""Key management: an account makes, changes, rotates and revokes its own keys, with its management key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

from tokens_forge.accounts import Accounts, SpentMore
from tokens_forge.catalog import Catalog
from tokens_forge.clock import Clock
from tokens_forge.errors import Conflict, NotFound, RequestError
from tokens_forge.keys import NO_LIMITS, Key, KeyKind, KeyLimits, KeyStatus, NewKey, is_key_id
from tokens_forge.policy import sellable
from tokens_forge.store.port import LedgerStore
from tokens_forge.wallets import WalletKind


class KeyStore(Protocol):
    """Where key records are read."""

    def read_key(self, account_id: str, key_id: str) -> Key | None:
        """A consistent read."""
        ...

    def account_keys(self, account_id: str) -> list[Key]:
        """All keys of an account, revoked ones too, by id."""
        ...


@dataclass(frozen=True, slots=True)
class KeySettings:
    """What an owner decides about a key. Amounts are nano of the wallet's currency."""

    name: str
    allowed_models: frozenset[str] | None = None
    spend_limit_nano: int | None = None
    expires_at_ms: int | None = None
    limits: KeyLimits = NO_LIMITS


class KeyManagement:
    """Works on the keys of one account at a time. Its methods block."""

    def __init__(
        self,
        accounts: Accounts,
        store: KeyStore,
        ledger: LedgerStore,
        catalog: Callable[[WalletKind], Catalog],
        clock: Clock,
    ) -> None:
        self._accounts = accounts
        self._store = store
        self._ledger = ledger
        self._catalog = catalog
        self._clock = clock

    def list(self, account_id: str) -> list[Key]:
        """All keys of the account, the newest first."""
        return sorted(self._store.account_keys(account_id), key=lambda key: (-key.created_at_ms, key.key_id))

    def read(self, account_id: str, key_id: str) -> Key:
        """One key. Raises NotFound, also for another account's key."""
        key = self._store.read_key(account_id, key_id) if is_key_id(key_id) else None
        if key is None:
            raise NotFound(f"This account has no key {key_id!r}.")
        return key

    def currency(self, account_id: str, kind: WalletKind) -> str:
        """The currency that a key on this wallet spends. Raises RequestError when the account has no such wallet."""
        wallet = self._ledger.read_wallet(account_id, kind)
        if wallet is None:
            raise RequestError(f"This account has no {kind.label}.", param="wallet")
        return wallet.currency

    def create(self, account_id: str, kind: WalletKind, settings: KeySettings) -> NewKey:
        """A new key; its token is known only now. Raises RequestError for a model that the key could never call."""
        self._check(account_id, kind, settings)
        return self._accounts.create_key(
            account_id,
            KeyKind(kind.value),
            settings.name,
            allowed_models=settings.allowed_models,
            spend_limit_nano=settings.spend_limit_nano,
            expires_at_ms=settings.expires_at_ms,
            limits=settings.limits,
        )

    def change(self, account_id: str, key_id: str, changes: dict[str, Any]) -> Key:
        """Change some of a key's settings, at once for everybody. Raises NotFound, Conflict or RequestError."""
        before = self._active(account_id, key_id)
        after = replace(before, **changes)
        if before.kind.wallet is not None:
            settings = KeySettings(after.name, after.allowed_models, after.spend_limit_nano, after.expires_at_ms)
            self._check(account_id, before.kind.wallet, settings)
        try:
            if not self._accounts.change_key(before, after):
                raise Conflict(f"The key {key_id} was changed by somebody else just now. Read it and try again.")
        except SpentMore:
            raise RequestError("This key has spent or set aside more than that already.", param="spend_limit") from None
        return after

    def rotate(self, account_id: str, key_id: str, *, grace_s: int) -> NewKey:
        """A new secret; the present one goes on for `grace_s` seconds. Raises NotFound or Conflict."""
        made = self._accounts.rotate_key(self._active(account_id, key_id), grace_s=grace_s)
        if made is None:
            raise Conflict(f"The key {key_id} was changed by somebody else just now. Read it and try again.")
        return made

    def revoke(self, account_id: str, key_id: str) -> Key:
        """Revoke a key at once. Revoking it again changes nothing. Raises NotFound."""
        key = self.read(account_id, key_id)
        self._accounts.revoke_key(key)
        return replace(key, status=KeyStatus.REVOKED)

    def _active(self, account_id: str, key_id: str) -> Key:
        key = self.read(account_id, key_id)
        if key.status is KeyStatus.REVOKED:
            raise Conflict(f"The key {key_id} was revoked, and a revoked key never comes back.")
        return key

    def _check(self, account_id: str, kind: WalletKind, settings: KeySettings) -> None:
        now_ms = self._clock.now_ms()
        if settings.expires_at_ms is not None and settings.expires_at_ms <= now_ms:
            raise RequestError("A key expires in the future.", param="expires_at")
        if settings.allowed_models is not None:
            sold = sellable(self._catalog(kind), self.currency(account_id, kind), now_ms)
            never = sorted(settings.allowed_models - sold)
            if never:
                raise RequestError(
                    f"The {kind.label} does not sell {', '.join(never)}: this key could never call it.",
                    param="allowed_models",
                )
