"""Adjustments in DynamoDB, each step with its audit record in one transaction."""

from __future__ import annotations

from typing import Any

from tokens_forge.admin.adjustments import Adjustment, AdjustmentState, Allowance
from tokens_forge.admin.audit import AuditRecord
from tokens_forge.store.audit import DynamoAuditStore
from tokens_forge.store.codec import Item, number, text
from tokens_forge.store.dynamodb_faults import Cancelled, faults
from tokens_forge.wallets import WalletKind


class DynamoAdjustmentStore:
    """Implements `admin.adjustments.AdjustmentStore`. The two wallets' adjustments are in partitions of their own."""

    def __init__(self, client: Any, table: str, audit: DynamoAuditStore) -> None:
        self._client = client
        self._table = table
        self._audit = audit

    def put_adjustment(self, adjustment: Adjustment, allowance: Allowance | None, record: AuditRecord) -> bool:
        """Write a new one with its record; False, and nothing written, when the allowance is used up."""
        put = {
            "TableName": self._table,
            "Item": _item_of(adjustment),
            "ConditionExpression": "attribute_not_exists(item_id)",
        }
        writes: list[Item] = [{"Put": put}]
        if allowance is not None:
            writes.append({"Update": self._spend(adjustment.kind, allowance)})
        return self._write(writes, record)

    def change_adjustment(self, before: Adjustment, after: Adjustment, record: AuditRecord) -> bool:
        """Move one on with its record; False when it is not in the state of `before` any more."""
        put = {
            "TableName": self._table,
            "Item": _item_of(after),
            "ConditionExpression": "#state = :before",
            "ExpressionAttributeNames": {"#state": "state"},
            "ExpressionAttributeValues": {":before": text(before.state.value)},
        }
        return self._write([{"Put": put}], record)

    def read_adjustment(self, kind: WalletKind, adjustment_id: str) -> Adjustment | None:
        """A consistent read."""
        with faults():
            answer = self._client.get_item(TableName=self._table, Key=_key(kind, adjustment_id), ConsistentRead=True)
        return _adjustment_of(answer["Item"], kind) if "Item" in answer else None

    def adjustments(self, kind: WalletKind, *, before: str | None, limit: int) -> list[Adjustment]:
        """Newest first; those before the id `before` only."""
        condition, values = "#section = :section", {":section": text(_section(kind))}
        if before is not None:
            condition += " AND item_id < :before"
            values[":before"] = text(before)
        with faults():
            page = self._client.query(
                TableName=self._table,
                KeyConditionExpression=condition,
                ExpressionAttributeNames={"#section": "section"},
                ExpressionAttributeValues=values,
                ScanIndexForward=False,
                ConsistentRead=True,
                Limit=limit,
            )
        return [_adjustment_of(item, kind) for item in page["Items"]]

    def _write(self, writes: list[Item], record: AuditRecord) -> bool:
        try:
            with faults():
                self._client.transact_write_items(
                    TransactItems=[*writes, self._audit.put_of(record)], ClientRequestToken=record.record_id
                )
        except Cancelled:
            return False
        return True

    def _spend(self, kind: WalletKind, allowance: Allowance) -> Item:
        return {
            "TableName": self._table,
            "Key": {
                "section": text(f"adjusted#{kind.value}"),
                "item_id": text(f"{allowance.day}#{allowance.actor}"),
            },
            "UpdateExpression": "SET moved = if_not_exists(moved, :zero) + :nano",
            "ConditionExpression": "attribute_not_exists(moved) OR moved <= :room",
            "ExpressionAttributeValues": {
                ":zero": number(0),
                ":nano": number(allowance.nano),
                ":room": number(allowance.limit_nano - allowance.nano),
            },
        }


def _section(kind: WalletKind) -> str:
    return f"adjustment#{kind.value}"


def _key(kind: WalletKind, adjustment_id: str) -> Item:
    return {"section": text(_section(kind)), "item_id": text(adjustment_id)}


def _item_of(adjustment: Adjustment) -> Item:
    item = {
        **_key(adjustment.kind, adjustment.adjustment_id),
        "account_id": text(adjustment.account_id),
        "nano": number(adjustment.nano),
        "currency": text(adjustment.currency),
        "reason": text(adjustment.reason),
        "requested_by": text(adjustment.requested_by),
        "state": text(adjustment.state.value),
    }
    if adjustment.decided_by is not None:
        item["decided_by"] = text(adjustment.decided_by)
    return item


def _adjustment_of(item: Item, kind: WalletKind) -> Adjustment:
    return Adjustment(
        adjustment_id=item["item_id"]["S"],
        kind=kind,
        account_id=item["account_id"]["S"],
        nano=int(item["nano"]["N"]),
        currency=item["currency"]["S"],
        reason=item["reason"]["S"],
        requested_by=item["requested_by"]["S"],
        state=AdjustmentState(item["state"]["S"]),
        decided_by=item["decided_by"]["S"] if "decided_by" in item else None,
    )
