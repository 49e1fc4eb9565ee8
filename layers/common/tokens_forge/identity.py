"""Identity: from a bearer token to the key and account that it proves, cached for at most 30 seconds.

The cache is safe for money: every hold also checks the wallet's auth epoch, which revoking a key or freezing a wallet raises. The
epoch is read before the key, so a revocation between the two reads makes the next hold fail, never pass.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Protocol

from tokens_forge.clock import Clock
from tokens_forge.errors import InvalidKey, KeyNotPermitted
from tokens_forge.keys import Key, KeyKind, KeyStatus, Token, opens, parse_token
from tokens_forge.store.port import LedgerStore
from tokens_forge.wallets import WalletKind

CACHED_MS_MAX = 30_000
CACHED_KEYS_MAX = 10_000


class KeyReader(Protocol):
    """Where key records are kept."""

    def read_key(self, account_id: str, key_id: str) -> Key | None:
        """A consistent read."""
        ...


@dataclass(frozen=True, slots=True)
class Part:
    """What a research run lets one of its requests set aside: at most `nano_max`, out of the run's own hold."""

    hold_id: str
    nano_max: int


@dataclass(frozen=True, slots=True)
class OnBehalf:
    """A run calls for the key that started it. Its secret was proven then and is not kept; all else about the key is read anew."""

    account_id: str
    key_id: str
    kind: KeyKind
    part: Part


Sender = str | OnBehalf | None  # an Authorization header, or a run


@dataclass(frozen=True, slots=True)
class Identity:
    """Who calls: a key that was proven, and its wallet's auth epoch at that time and currency (0 and empty without a wallet).

    A step of a run may spend its `part` and nothing else.
    """

    key: Key
    auth_epoch: int
    currency: str
    part: Part | None = None

    @property
    def account_id(self) -> str:
        """The account that owns the key."""
        return self.key.account_id

    @property
    def wallet(self) -> WalletKind:
        """The one wallet this key spends from. Raises KeyNotPermitted for a management key."""
        if self.key.kind.wallet is None:
            raise KeyNotPermitted("A management key spends nothing: call this with an official or a routed key.")
        return self.key.kind.wallet


class Authenticator:
    """Proves bearer tokens. `prove_cached` never blocks; `prove` may read two items."""

    def __init__(self, keys: KeyReader, ledger: LedgerStore, clock: Clock) -> None:
        self._keys = keys
        self._ledger = ledger
        self._clock = clock
        self._cache: OrderedDict[str, tuple[int, Identity]] = OrderedDict()

    def token_of(self, authorization: Sender) -> Token | OnBehalf:
        """The token in an Authorization header; a run needs none. Raises InvalidKey."""
        if isinstance(authorization, OnBehalf):
            return authorization
        scheme, _, text = (authorization or "").partition(" ")
        token = parse_token(text.strip()) if scheme.lower() == "bearer" else None
        if token is None and text.strip().startswith("tf_admin_"):
            raise InvalidKey("This is an admin key: it opens /admin/v1 and nothing else.")
        if token is None:
            raise InvalidKey("Send a Tokens Forge key: Authorization: Bearer tf_official_… or tf_routed_…")
        return token

    def prove_cached(self, token: Token | OnBehalf) -> Identity | None:
        """The identity when it is in the cache and fresh. Raises InvalidKey for a revoked or expired key.

        A secret that does not fit is looked up: the key may have been rotated since. A run's key is always looked up.
        """
        if isinstance(token, OnBehalf):
            return None
        cached, now_ms = self._cache.get(token.key_id), self._clock.now_ms()
        if cached is None or now_ms - cached[0] >= CACHED_MS_MAX or not opens(cached[1].key, token, now_ms):
            return None
        return self._checked(cached[1], token)

    def prove(self, token: Token | OnBehalf) -> Identity:
        """The identity, read from the tables. Raises InvalidKey."""
        read_at_ms = self._clock.now_ms()
        wallet = (
            self._ledger.read_wallet(token.account_id, token.kind.wallet) if token.kind.wallet is not None else None
        )
        key = self._keys.read_key(token.account_id, token.key_id)
        if key is None:
            raise _unknown()
        identity = Identity(key, wallet.auth_epoch if wallet else 0, wallet.currency if wallet else "")
        if isinstance(token, OnBehalf):
            return self._usable(replace(identity, part=token.part))
        identity = self._checked(identity, token)
        self._cache[token.key_id] = (read_at_ms, identity)
        if len(self._cache) > CACHED_KEYS_MAX:
            self._cache.popitem(last=False)
        return identity

    def forget(self, identity: Identity) -> None:
        """Drop a cached identity: its wallet's auth epoch has moved on."""
        self._cache.pop(identity.key.key_id, None)

    def _checked(self, identity: Identity, token: Token) -> Identity:
        if not opens(identity.key, token, self._clock.now_ms()):
            raise _unknown()
        return self._usable(identity)

    def _usable(self, identity: Identity) -> Identity:
        require_usable(identity.key, self._clock.now_ms())
        return identity


def wallet_named_by(authorization: str | None) -> WalletKind | None:
    """The wallet that the key in an Authorization header names, proven or not; None when it names none."""
    token = parse_token((authorization or "").partition(" ")[2].strip())
    return token.kind.wallet if token is not None else None


def require_usable(key: Key, now_ms: int) -> None:
    """Raises InvalidKey for a revoked or expired key."""
    if key.status is KeyStatus.REVOKED:
        raise InvalidKey(f"The key {key.key_id} was revoked.")
    if key.is_expired(now_ms):
        raise InvalidKey(f"The key {key.key_id} has expired.")


def _unknown() -> InvalidKey:
    return InvalidKey("This key is not known here: check that it was copied whole.")
