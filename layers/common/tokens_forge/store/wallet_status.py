"""Freezing wallets and letting them go again: status, auth epoch and audit record in one transaction. No money is touched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tokens_forge.admin.audit import AuditRecord
from tokens_forge.store.audit import DynamoAuditStore
from tokens_forge.store.codec import Item, number, text, wallet_key
from tokens_forge.store.dynamodb_faults import Cancelled, faults
from tokens_forge.wallets import WalletKind, WalletStatus


class DynamoWalletStatusStore:
    """Implements `admin.accounts.WalletStatusStore`."""

    def __init__(self, client: Any, table: str, audit: DynamoAuditStore) -> None:
        self._client = client
        self._table = table
        self._audit = audit

    def change_status(
        self, account_id: str, kinds: Sequence[WalletKind], to: WalletStatus, record: AuditRecord
    ) -> bool:
        """Give these wallets another status, all or none; False when one of them has it already.

        The record's id is the request token, so that a re-sent change is the same change.
        """
        updates = [{"Update": self._update(account_id, kind, to)} for kind in kinds]
        try:
            with faults():
                self._client.transact_write_items(
                    TransactItems=[*updates, self._audit.put_of(record)], ClientRequestToken=record.record_id
                )
        except Cancelled:
            return False
        return True

    def _update(self, account_id: str, kind: WalletKind, to: WalletStatus) -> Item:
        return {
            "TableName": self._table,
            "Key": wallet_key(account_id, kind),
            "UpdateExpression": "SET #status = :to, auth_epoch = auth_epoch + :one",
            "ConditionExpression": "attribute_exists(account_id) AND #status <> :to",
            "ExpressionAttributeNames": {"#status": "status"},
            "ExpressionAttributeValues": {":to": text(to.value), ":one": number(1)},
        }
