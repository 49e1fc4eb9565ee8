"""The requests of one wallet's business, for admins: the intent records of some minutes, without those of the other business."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tokens_forge.ids import minute_of, time_ms_of
from tokens_forge.store.codec import Item, intent_record_of, text
from tokens_forge.store.pages import items_of
from tokens_forge.store.port import IntentRecord
from tokens_forge.wallets import WalletKind

QUERIES_AT_ONCE = 8


class DynamoRequestReader:
    """Implements `admin.history.RequestReader`. Eventually consistent."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def of_minutes(self, kind: WalletKind, minutes: Sequence[str]) -> list[IntentRecord]:
        """Every record of these UTC minutes, minute by minute."""
        with ThreadPoolExecutor(QUERIES_AT_ONCE) as threads:
            found = list(threads.map(lambda minute: self._query(kind, minute, None), minutes))
        return [intent_record_of(item) for items in found for item in items]

    def find(self, kind: WalletKind, request_id: str) -> IntentRecord | None:
        """One record; None when there is none, or it is of the other business."""
        items = self._query(kind, minute_of(time_ms_of(request_id)), request_id)
        return intent_record_of(items[0]) if items else None

    def _query(self, kind: WalletKind, minute: str, request_id: str | None) -> list[Item]:
        condition, values = "#minute = :minute", {":minute": text(minute), ":kind": text(kind.value)}
        if request_id is not None:
            condition += " AND request_id = :id"
            values[":id"] = text(request_id)
        found = items_of(
            self._client.query,
            TableName=self._table,
            KeyConditionExpression=condition,
            FilterExpression="#kind = :kind",
            ExpressionAttributeNames={"#minute": "minute", "#kind": "kind"},
            ExpressionAttributeValues=values,
        )
        return list(found)
