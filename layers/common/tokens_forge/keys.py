"""API keys: a public id and a secret, bound to exactly one wallet, which the key itself shows.

    tf_official_<20 letters>_<40 letters>     spends Official model Credit
    tf_routed_<20 letters>_<40 letters>       spends Routed balance
    tf_manage_<20 letters>_<40 letters>       spends nothing; reads the account and manages its keys

The 20 letters are the public id: 12 of the account, 8 of the key. Of the secret only its SHA-256 is stored; the secret has
200 random bits, so a slow hash would add nothing but time.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass, replace
from enum import StrEnum

from tokens_forge.ids import random_letters
from tokens_forge.wallets import WalletKind

ACCOUNT_LETTERS, KEY_LETTERS, SECRET_LETTERS = 12, 8, 40
_LETTER = "[0-9a-hjkmnp-tv-z]"
_KEY_ID = re.compile(rf"key_{_LETTER}{{{ACCOUNT_LETTERS + KEY_LETTERS}}}")
_TOKEN = re.compile(
    rf"tf_(official|routed|manage)_({_LETTER}{{{ACCOUNT_LETTERS}}})({_LETTER}{{{KEY_LETTERS}}})_({_LETTER}{{{SECRET_LETTERS}}})"
)


class KeyKind(StrEnum):
    """What a key is for."""

    OFFICIAL = "official"
    ROUTED = "routed"
    MANAGE = "manage"

    @property
    def wallet(self) -> WalletKind | None:
        """The one wallet this key spends from; None for a management key."""
        return None if self is KeyKind.MANAGE else WalletKind(self.value)


class KeyStatus(StrEnum):
    """A revoked key never comes back."""

    ACTIVE = "active"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class KeyLimits:
    """How much a key may do; None means not limited. Minutes are UTC minutes."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    concurrent_requests: int | None = None


NO_LIMITS = KeyLimits()


@dataclass(frozen=True, slots=True)
class Key:
    """A key's record. `allowed_models` None means every model that its wallet offers.

    After a rotation the secret before opens the key too, until `previous_until_ms`.
    """

    key_id: str
    account_id: str
    kind: KeyKind
    name: str
    secret_sha256: str
    created_at_ms: int
    status: KeyStatus = KeyStatus.ACTIVE
    allowed_models: frozenset[str] | None = None
    spend_limit_nano: int | None = None
    expires_at_ms: int | None = None
    limits: KeyLimits = NO_LIMITS
    previous_secret_sha256: str | None = None
    previous_until_ms: int = 0

    def is_expired(self, now_ms: int) -> bool:
        """Whether the key's time is over."""
        return self.expires_at_ms is not None and now_ms >= self.expires_at_ms


@dataclass(frozen=True, slots=True)
class Token:
    """A key as its holder sends it, taken apart."""

    kind: KeyKind
    account_id: str
    key_id: str
    secret: str


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key just made: the only moment at which its secret is known."""

    key: Key
    token: str


def parse_token(text: str) -> Token | None:
    """Take a bearer token apart; None when it does not look like a key of ours."""
    match = _TOKEN.fullmatch(text)
    if match is None:
        return None
    kind, account, own, secret = match.groups()
    return Token(KeyKind(kind), f"acc_{account}", f"key_{account}{own}", secret)


def is_key_id(text: str) -> bool:
    """Whether a key can have this id. Anything else is not looked up: the table takes no name of more than 1,024 bytes."""
    return _KEY_ID.fullmatch(text) is not None


def new_account_id() -> str:
    """Such as `acc_` and 12 letters (60 random bits); the table refuses a second one."""
    return f"acc_{random_letters(ACCOUNT_LETTERS)}"


def mint(
    account_id: str,
    kind: KeyKind,
    name: str,
    *,
    now_ms: int,
    allowed_models: frozenset[str] | None = None,
    spend_limit_nano: int | None = None,
    expires_at_ms: int | None = None,
    limits: KeyLimits = NO_LIMITS,
) -> NewKey:
    """Make a key. Its token is shown once and never stored. `spend_limit_nano` is in the wallet's currency."""
    assert kind.wallet is not None or spend_limit_nano is None, "a management key spends nothing"
    account = account_id.removeprefix("acc_")
    own, secret = random_letters(KEY_LETTERS), random_letters(SECRET_LETTERS)
    key = Key(
        key_id=f"key_{account}{own}",
        account_id=account_id,
        kind=kind,
        name=name,
        secret_sha256=hash_secret(secret),
        created_at_ms=now_ms,
        allowed_models=allowed_models,
        spend_limit_nano=spend_limit_nano,
        expires_at_ms=expires_at_ms,
        limits=limits,
    )
    return NewKey(key, f"tf_{kind.value}_{account}{own}_{secret}")


def hash_secret(secret: str) -> str:
    """SHA-256 in hex: what the table stores."""
    return hashlib.sha256(secret.encode()).hexdigest()


def rotate(key: Key, *, now_ms: int, grace_s: int) -> NewKey:
    """The same key with a new secret; the present one still opens it for `grace_s` seconds."""
    secret = random_letters(SECRET_LETTERS)
    rotated = replace(
        key,
        secret_sha256=hash_secret(secret),
        previous_secret_sha256=key.secret_sha256,
        previous_until_ms=now_ms + grace_s * 1000,
    )
    return NewKey(rotated, f"tf_{key.kind.value}_{key.key_id.removeprefix('key_')}_{secret}")


def opens(key: Key, token: Token, now_ms: int) -> bool:
    """Whether the token is this key's. Compared in constant time."""
    digest = hash_secret(token.secret)
    is_current = hmac.compare_digest(key.secret_sha256, digest)
    is_previous = hmac.compare_digest(key.previous_secret_sha256 or "", digest) and now_ms < key.previous_until_ms
    return (is_current or is_previous) and key.kind is token.kind
