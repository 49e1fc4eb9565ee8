"""Admin keys: named, scoped, expiring, and judged from the table at every request, so that a revoked one is dead at once.

    tf_admin_<12 letters>_<40 letters>

The 12 letters are the public id. Of the secret only its SHA-256 is stored, as with customers' keys (`keys.py`). A customer's key
opens nothing here, and an admin key opens nothing of a customer's.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from tokens_forge.clock import Clock
from tokens_forge.errors import InvalidKey, KeyNotPermitted
from tokens_forge.ids import DAY_MS, random_letters
from tokens_forge.keys import SECRET_LETTERS, hash_secret, parse_token

ID_LETTERS = 12
LIFETIME_DAYS_DEFAULT, LIFETIME_DAYS_MAX = 90, 366
PREFIX = "tf_admin_"
_LETTER = "[0-9a-hjkmnp-tv-z]"
_TOKEN = re.compile(rf"{PREFIX}({_LETTER}{{{ID_LETTERS}}})_({_LETTER}{{{SECRET_LETTERS}}})")


class Scope(StrEnum):
    """What a key may do. Every admin key may read; neither of the other two holds the other."""

    READ = "read"
    OPERATE = "operate"
    FINANCE = "finance"


@dataclass(frozen=True, slots=True)
class AdminKey:
    """An admin key's record. `made_by` names who made it: the AWS identity that ran the command."""

    key_id: str
    name: str
    scopes: frozenset[Scope]
    secret_sha256: str
    created_at_ms: int
    expires_at_ms: int
    made_by: str
    revoked_at_ms: int | None = None

    def may(self, scope: Scope) -> bool:
        """Whether the key may do things of this scope."""
        return scope is Scope.READ or scope in self.scopes


@dataclass(frozen=True, slots=True)
class NewAdminKey:
    """A key just made: the only moment at which its secret is known."""

    key: AdminKey
    token: str


class AdminKeyReader(Protocol):
    """Where admin keys are kept."""

    def read_admin_key(self, key_id: str) -> AdminKey | None:
        """A consistent read."""
        ...


def mint_admin_key(
    name: str, scopes: frozenset[Scope], *, now_ms: int, lifetime_days: int, made_by: str
) -> NewAdminKey:
    """Make a key. Its token is shown once and never stored. Raises ValueError."""
    if not name.strip() or len(name) > 100:
        raise ValueError("an admin key has a name: whose it is")
    if not scopes:
        raise ValueError(f"an admin key has a scope: {', '.join(Scope)}")
    if not 1 <= lifetime_days <= LIFETIME_DAYS_MAX:
        raise ValueError(f"an admin key lives from 1 to {LIFETIME_DAYS_MAX} days")
    own, secret = random_letters(ID_LETTERS), random_letters(SECRET_LETTERS)
    key = AdminKey(
        key_id=f"adm_{own}",
        name=name.strip(),
        scopes=scopes,
        secret_sha256=hash_secret(secret),
        created_at_ms=now_ms,
        expires_at_ms=now_ms + lifetime_days * DAY_MS,
        made_by=made_by,
    )
    return NewAdminKey(key, f"{PREFIX}{own}_{secret}")


class AdminAuthenticator:
    """Proves admin keys. It keeps nothing: what the table says now is what counts."""

    def __init__(self, keys: AdminKeyReader, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock

    def prove(self, authorization: str | None) -> AdminKey:
        """The key of an Authorization header. Blocks. Raises InvalidKey, and KeyNotPermitted for a customer's key."""
        scheme, _, text = (authorization or "").partition(" ")
        text = text.strip() if scheme.lower() == "bearer" else ""
        if parse_token(text) is not None:
            raise KeyNotPermitted("This is a customer's key. The admin API takes admin keys only: tf_admin_…")
        match = _TOKEN.fullmatch(text)
        if match is None:
            raise InvalidKey("Send an admin key: Authorization: Bearer tf_admin_…")
        own, secret = match.groups()
        key = self._keys.read_admin_key(f"adm_{own}")
        if key is None or not hmac.compare_digest(key.secret_sha256, hash_secret(secret)):
            raise InvalidKey("This admin key is not known here: check that it was copied whole.")
        if key.revoked_at_ms is not None:
            raise InvalidKey(f"The admin key {key.key_id} was revoked.")
        if self._clock.now_ms() >= key.expires_at_ms:
            raise InvalidKey(f"The admin key {key.key_id} has expired.")
        return key


def require_scope(key: AdminKey, scope: Scope) -> None:
    """Raises KeyNotPermitted that names what the key may do and what was needed."""
    if not key.may(scope):
        has = ", ".join(sorted(key.scopes | {Scope.READ}))
        raise KeyNotPermitted(
            f"This needs an admin key with the scope {scope.value!r}; {key.key_id} has {has}.",
            extras={"scope_needed": scope.value},
        )
