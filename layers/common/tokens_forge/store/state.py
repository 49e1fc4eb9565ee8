"""Operational state in DynamoDB: the sweeper's cursor, and results of reconciliation and comparison, which expire."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from tokens_forge.checkout.comparison import Compared
from tokens_forge.ids import iso_of
from tokens_forge.reconciliation import Reconciled
from tokens_forge.store.codec import number, text
from tokens_forge.store.pages import first_items

RESULTS_KEPT_S = 90 * 24 * 3600
FINDINGS_KEPT_MAX = 200


class DynamoStateStore:
    """Implements `sweeper.CursorStore`, and keeps reconciliation results."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def read_cursor(self, name: str) -> str | None:
        """The cursor's value."""
        answer = self._client.get_item(TableName=self._table, Key=_key("cursor", name), ConsistentRead=True)
        return str(answer["Item"]["value"]["S"]) if "Item" in answer else None

    def write_cursor(self, name: str, value: str) -> None:
        """Set the cursor."""
        self._client.put_item(TableName=self._table, Item={**_key("cursor", name), "value": text(value)})

    def write_reconciliation(self, done: Reconciled) -> None:
        """Keep the result of one run."""
        result = {
            "started_at": iso_of(done.started_at_ms),
            "wallets": done.wallets,
            "entries": done.entries,
            "intents": done.intents,
            "busy": done.busy,
            "balances_nano": {currency: dict(sums) for currency, sums in done.balances.items()},
            "findings_total": len(done.findings),
            "findings": [asdict(finding) for finding in done.findings[:FINDINGS_KEPT_MAX]],
        }
        self._write_result("reconciliation", done.started_at_ms, result)

    def latest_reconciliation(self) -> dict[str, Any] | None:
        """The newest result; None before the first run."""
        return next(iter(self.reconciliations(before=None, limit=1)), None)

    def reconciliations(self, *, before: str | None, limit: int) -> list[dict[str, Any]]:
        """Results, newest first; those that started before a time such as `2026-11-24T13:48:00.123Z` only."""
        return self._results("reconciliation", before=before, limit=limit)

    def write_comparison(self, done: Compared) -> None:
        """Keep the result of one comparison of payments with orders."""
        result = {
            "started_at": iso_of(done.started_at_ms),
            "provider": done.provider,
            "payments": done.payments,
            "orders": done.orders,
            "found_late": done.found_late[:FINDINGS_KEPT_MAX],
            "findings_total": len(done.findings),
            "findings": [asdict(finding) for finding in done.findings[:FINDINGS_KEPT_MAX]],
        }
        self._write_result("comparison", done.started_at_ms, result)

    def latest_comparison(self) -> dict[str, Any] | None:
        """The newest result of a comparison; None before the first."""
        return next(iter(self.comparisons(before=None, limit=1)), None)

    def comparisons(self, *, before: str | None, limit: int) -> list[dict[str, Any]]:
        """Results of comparisons, as `reconciliations`."""
        return self._results("comparison", before=before, limit=limit)

    def _write_result(self, scope: str, started_at_ms: int, result: dict[str, Any]) -> None:
        self._client.put_item(
            TableName=self._table,
            Item={
                **_key(scope, iso_of(started_at_ms)),
                "result": text(json.dumps(result)),
                "expires_at": number(started_at_ms // 1000 + RESULTS_KEPT_S),
            },
        )

    def _results(self, scope: str, *, before: str | None, limit: int) -> list[dict[str, Any]]:
        condition, values, names = "#scope = :scope", {":scope": text(scope)}, {"#scope": "scope"}
        if before is not None:
            condition += " AND #item < :before"
            names["#item"] = "item"
            values[":before"] = text(before)
        found = first_items(
            self._client.query,
            limit,
            TableName=self._table,
            KeyConditionExpression=condition,
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=values,
            ScanIndexForward=False,
        )
        return [json.loads(item["result"]["S"]) for item in found]


def _key(scope: str, item: str) -> dict[str, Any]:
    return {"scope": text(scope), "item": text(item)}
