"""Issuing admin keys: by whoever holds the deployment's AWS credentials, straight into its tables, with a record each."""

from __future__ import annotations

from typing import Any, Protocol

from tokens_forge.admin.audit import Audit, AuditRecord, Author, Log
from tokens_forge.admin.keys import AdminAuthenticator, AdminKey, NewAdminKey, Scope, mint_admin_key
from tokens_forge.clock import Clock
from tokens_forge.errors import InvalidKey
from tokens_forge.ids import iso_of


class AdminKeyStore(Protocol):
    """Where admin keys are written."""

    def read_admin_key(self, key_id: str) -> AdminKey | None:
        """A consistent read."""
        ...

    def admin_keys(self) -> list[AdminKey]:
        """All of them, revoked ones too, by id."""
        ...

    def put_admin_key(self, key: AdminKey, record: AuditRecord) -> None:
        """Write a new key's record."""
        ...

    def revoke_admin_key(self, key_id: str, at_ms: int, record: AuditRecord) -> bool:
        """Revoke a key; False when there is none, or it was revoked before."""
        ...


class Issuer:
    """Its methods block."""

    def __init__(self, store: AdminKeyStore, audit: Audit, clock: Clock) -> None:
        self._store = store
        self._audit = audit
        self._clock = clock

    def create(self, name: str, scopes: frozenset[Scope], lifetime_days: int, author: Author) -> NewAdminKey:
        """A new key; its token is known only now. Raises ValueError."""
        made = mint_admin_key(
            name, scopes, now_ms=self._clock.now_ms(), lifetime_days=lifetime_days, made_by=author.actor
        )
        view = admin_key_view(made.key, self._clock.now_ms())
        record = self._audit.record(Log.DEPLOYMENT, author, "admin_key.create", made.key.key_id, None, view)
        self._store.put_admin_key(made.key, record)
        return made

    def list(self) -> list[dict[str, Any]]:
        """Every key, as it stands now."""
        now_ms = self._clock.now_ms()
        return [admin_key_view(key, now_ms) for key in self._store.admin_keys()]

    def revoke(self, key_id: str, author: Author) -> dict[str, Any] | None:
        """The key, revoked; None when there is none, or it was revoked already."""
        found, now_ms = self._store.read_admin_key(key_id), self._clock.now_ms()
        if found is None:
            return None
        before = admin_key_view(found, now_ms)
        after = {**before, "status": "revoked"}
        record = self._audit.record(Log.DEPLOYMENT, author, "admin_key.revoke", key_id, before, after)
        return after if self._store.revoke_admin_key(key_id, now_ms, record) else None

    def opens(self, token: str) -> bool:
        """Whether a key opens the admin API now."""
        try:
            AdminAuthenticator(self._store, self._clock).prove(f"Bearer {token}")
        except InvalidKey:
            return False
        return True


def admin_key_view(key: AdminKey, now_ms: int) -> dict[str, Any]:
    """An admin key, without anything that could open something."""
    status = "active" if now_ms < key.expires_at_ms else "expired"
    return {
        "object": "admin_key",
        "id": key.key_id,
        "name": key.name,
        "scopes": sorted(scope.value for scope in key.scopes),
        "status": "revoked" if key.revoked_at_ms is not None else status,
        "created_at": iso_of(key.created_at_ms),
        "expires_at": iso_of(key.expires_at_ms),
        "made_by": key.made_by,
    }
