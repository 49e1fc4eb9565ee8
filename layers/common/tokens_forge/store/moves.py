"""Moves of admins in DynamoDB, each step with its audit record in one transaction."""

from __future__ import annotations

from typing import Any

from tokens_forge.admin.audit import AuditRecord
from tokens_forge.admin.moves import Allowance, Move, MoveState
from tokens_forge.store.audit import DynamoAuditStore
from tokens_forge.store.codec import Item, number, text
from tokens_forge.store.dynamodb_faults import Cancelled, faults
from tokens_forge.store.pages import first_items
from tokens_forge.wallets import WalletKind

_OPTIONAL = ("decided_by", "entry_id", "order_id", "taking_id")


class DynamoMoveStore:
    """Implements `admin.moves.MoveStore` for the moves of one sort. Those of the two wallets are in partitions of their own."""

    def __init__(self, client: Any, table: str, audit: DynamoAuditStore, sort: str) -> None:
        self._client = client
        self._table = table
        self._audit = audit
        self._sort = sort

    def put_move(self, move: Move, allowance: Allowance | None, record: AuditRecord) -> bool:
        """Write a new one with its record; False, and nothing written, when the allowance is used up or the id is taken."""
        put = {
            "TableName": self._table,
            "Item": self._item_of(move),
            "ConditionExpression": "attribute_not_exists(item_id)",
        }
        writes: list[Item] = [{"Put": put}]
        if allowance is not None:
            writes.append({"Update": self._spend(move.kind, allowance)})
        return self._write(writes, record)

    def change_move(self, before: Move, after: Move, record: AuditRecord) -> bool:
        """Move one on with its record; False when it is not in the state of `before` any more."""
        put = {
            "TableName": self._table,
            "Item": self._item_of(after),
            "ConditionExpression": "#state = :before",
            "ExpressionAttributeNames": {"#state": "state"},
            "ExpressionAttributeValues": {":before": text(before.state.value)},
        }
        return self._write([{"Put": put}], record)

    def read_move(self, kind: WalletKind, move_id: str) -> Move | None:
        """A consistent read."""
        with faults():
            answer = self._client.get_item(TableName=self._table, Key=self._key(kind, move_id), ConsistentRead=True)
        return _move_of(answer["Item"], kind) if "Item" in answer else None

    def moves(self, kind: WalletKind, *, before: str | None, limit: int) -> list[Move]:
        """Newest first; those before the id `before` only."""
        condition, values = "#section = :section", {":section": text(self._section(kind))}
        if before is not None:
            condition += " AND item_id < :before"
            values[":before"] = text(before)
        found = first_items(
            self._client.query,
            limit,
            TableName=self._table,
            KeyConditionExpression=condition,
            ExpressionAttributeNames={"#section": "section"},
            ExpressionAttributeValues=values,
            ScanIndexForward=False,
            ConsistentRead=True,
        )
        return [_move_of(item, kind) for item in found]

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
                "section": text(f"moved#{kind.value}"),
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

    def _section(self, kind: WalletKind) -> str:
        return f"{self._sort}#{kind.value}"

    def _key(self, kind: WalletKind, move_id: str) -> Item:
        return {"section": text(self._section(kind)), "item_id": text(move_id)}

    def _item_of(self, move: Move) -> Item:
        item = {
            **self._key(move.kind, move.move_id),
            "account_id": text(move.account_id),
            "nano": number(move.nano),
            "currency": text(move.currency),
            "reason": text(move.reason),
            "requested_by": text(move.requested_by),
            "state": text(move.state.value),
        }
        for name in _OPTIONAL:
            value = getattr(move, name)
            if value is not None:
                item[name] = text(value)
        return item


def _move_of(item: Item, kind: WalletKind) -> Move:
    return Move(
        move_id=item["item_id"]["S"],
        kind=kind,
        account_id=item["account_id"]["S"],
        nano=int(item["nano"]["N"]),
        currency=item["currency"]["S"],
        reason=item["reason"]["S"],
        requested_by=item["requested_by"]["S"],
        state=MoveState(item["state"]["S"]),
        **{name: item[name]["S"] for name in _OPTIONAL if name in item},
    )
