"""Error counts in DynamoDB: one item for each wallet and minute, with one number for each subject."""

from __future__ import annotations

from typing import Any

from tokens_forge.error_counts import Counts, ErrorSubject
from tokens_forge.errors import ErrorClass
from tokens_forge.ids import time_ms_of_minute
from tokens_forge.store.codec import Item, number, text
from tokens_forge.store.dynamodb_faults import faults
from tokens_forge.store.pages import items_of
from tokens_forge.wallets import WalletKind

KEPT_S = 30 * 24 * 3600
_COUNT = "n|"  # begins the name of each count


class DynamoErrorCounts:
    """Implements `error_counts.ErrorCountStore`, and reads what it wrote."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def add(self, kind: WalletKind | None, minute: str, counts: Counts) -> None:
        """Add to the counts of a UTC minute, in one write."""
        names = {f"#{index}": _name_of(subject) for index, subject in enumerate(counts)}
        values = {f":{index}": number(count) for index, count in enumerate(counts.values())}
        values[":expires"] = number(time_ms_of_minute(minute) // 1000 + KEPT_S)
        with faults():
            self._client.update_item(
                TableName=self._table,
                Key={"scope": text(_scope_of(kind)), "item": text(minute)},
                UpdateExpression=f"SET expires_at = :expires ADD {', '.join(f'#{i} :{i}' for i in range(len(counts)))}",
                ExpressionAttributeNames=names,
                ExpressionAttributeValues=values,
            )

    def read(self, kind: WalletKind | None, first: str, last: str) -> dict[str, dict[ErrorSubject, int]]:
        """The counts of each minute that has some, from the first to the last one, both included."""
        found = items_of(
            self._client.query,
            TableName=self._table,
            KeyConditionExpression="#scope = :scope AND #item BETWEEN :first AND :last",
            ExpressionAttributeNames={"#scope": "scope", "#item": "item"},
            ExpressionAttributeValues={":scope": text(_scope_of(kind)), ":first": text(first), ":last": text(last)},
        )
        return {item["item"]["S"]: _counts_of(item) for item in found}


def _scope_of(kind: WalletKind | None) -> str:
    return f"errors#{kind.value if kind is not None else 'none'}"


def _name_of(subject: ErrorSubject) -> str:
    return f"{_COUNT}{subject.error_class.value}|{subject.code}|{subject.model}"


def _counts_of(item: Item) -> dict[ErrorSubject, int]:
    counts = {}
    for name, value in item.items():
        if name.startswith(_COUNT):
            _, error_class, code, model = name.split("|", 3)
            counts[ErrorSubject(ErrorClass(error_class), code, model)] = int(value["N"])
    return counts
