"""Admin keys in DynamoDB: a few items, read at every admin request."""

from __future__ import annotations

from typing import Any

from tokens_forge.admin.audit import AuditRecord
from tokens_forge.admin.keys import AdminKey, Scope
from tokens_forge.store.audit import DynamoAuditStore
from tokens_forge.store.codec import Item, number, text
from tokens_forge.store.dynamodb_faults import Cancelled, faults
from tokens_forge.store.pages import items_of

_KEYS = "key"


class DynamoAdminKeyStore:
    """Implements `admin.keys.AdminKeyReader`. Every write carries its audit record."""

    def __init__(self, client: Any, table: str, audit: DynamoAuditStore) -> None:
        self._client = client
        self._table = table
        self._audit = audit

    def read_admin_key(self, key_id: str) -> AdminKey | None:
        """A consistent read."""
        with faults():
            answer = self._client.get_item(TableName=self._table, Key=_key(key_id), ConsistentRead=True)
        return _key_of(answer["Item"]) if "Item" in answer else None

    def admin_keys(self) -> list[AdminKey]:
        """All of them, revoked ones too, by id."""
        found = items_of(
            self._client.query,
            TableName=self._table,
            KeyConditionExpression="#section = :section",
            ExpressionAttributeNames={"#section": "section"},
            ExpressionAttributeValues={":section": text(_KEYS)},
            ConsistentRead=True,
        )
        return [_key_of(item) for item in found]

    def put_admin_key(self, key: AdminKey, record: AuditRecord) -> None:
        """Write a new key's record."""
        put = {"TableName": self._table, "Item": _item_of(key), "ConditionExpression": "attribute_not_exists(item_id)"}
        with faults():
            self._client.transact_write_items(TransactItems=[{"Put": put}, self._audit.put_of(record)])

    def revoke_admin_key(self, key_id: str, at_ms: int, record: AuditRecord) -> bool:
        """Revoke a key; False when there is none, or it was revoked before."""
        update = {
            "TableName": self._table,
            "Key": _key(key_id),
            "UpdateExpression": "SET revoked_at_ms = :at",
            "ConditionExpression": "attribute_exists(item_id) AND attribute_not_exists(revoked_at_ms)",
            "ExpressionAttributeValues": {":at": number(at_ms)},
        }
        try:
            with faults():
                self._client.transact_write_items(TransactItems=[{"Update": update}, self._audit.put_of(record)])
        except Cancelled:
            return False
        return True


def _key(key_id: str) -> Item:
    return {"section": text(_KEYS), "item_id": text(key_id)}


def _item_of(key: AdminKey) -> Item:
    return {
        **_key(key.key_id),
        "name": text(key.name),
        "scopes": {"L": [text(scope) for scope in sorted(key.scopes)]},
        "secret_sha256": text(key.secret_sha256),
        "created_at_ms": number(key.created_at_ms),
        "expires_at_ms": number(key.expires_at_ms),
        "made_by": text(key.made_by),
    }


def _key_of(item: Item) -> AdminKey:
    return AdminKey(
        key_id=item["item_id"]["S"],
        name=item["name"]["S"],
        scopes=frozenset(Scope(scope["S"]) for scope in item["scopes"]["L"]),
        secret_sha256=item["secret_sha256"]["S"],
        created_at_ms=int(item["created_at_ms"]["N"]),
        expires_at_ms=int(item["expires_at_ms"]["N"]),
        made_by=item["made_by"]["S"],
        revoked_at_ms=int(item["revoked_at_ms"]["N"]) if "revoked_at_ms" in item else None,
    )
