"""Circuits in DynamoDB: one short-lived item for each channel and model that has failed lately."""

from __future__ import annotations

from typing import Any

from tokens_forge.circuits import Circuit, CircuitKey
from tokens_forge.store.codec import Item, number, text
from tokens_forge.store.dynamodb_faults import ConditionFailed, faults
from tokens_forge.wallets import WalletKind

SCOPE = "circuit"
KEPT_S = 3600
_FIELDS = ("failures", "window_started_ms", "opened_at_ms", "open_until_ms", "trial_until_ms", "openings")


class DynamoCircuitStore:
    """Implements `circuits.CircuitStore`."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def read_circuits(self, kind: WalletKind | None = None) -> list[Circuit]:
        """All of them, or those of one wallet's channels; a healthy channel has none."""
        names, values, condition = {"#scope": "scope"}, {":scope": text(SCOPE)}, "#scope = :scope"
        if kind is not None:
            names["#item"] = "item"
            values[":kind"] = text(f"{kind.value}#")
            condition += " AND begins_with(#item, :kind)"
        with faults():
            page = self._client.query(
                TableName=self._table,
                KeyConditionExpression=condition,
                ExpressionAttributeNames=names,
                ExpressionAttributeValues=values,
                ConsistentRead=True,
            )
        return [_circuit_of(item) for item in page["Items"]]

    def count_failure(self, key: CircuitKey, now_ms: int, window_ms: int) -> Circuit:
        """Count a failure, in a new window when the last one is over. Returns the circuit as it is then."""
        expires = {":expires": number(now_ms // 1000 + KEPT_S)}
        try:
            return self._update(
                key,
                "SET failures = failures + :one, expires_at = :expires",
                {":one": number(1), ":since": number(now_ms - window_ms), **expires},
                condition="window_started_ms > :since",
            )
        except ConditionFailed:
            return self._update(
                key,
                "SET failures = :one, window_started_ms = :now, expires_at = :expires",
                {":one": number(1), ":now": number(now_ms), **expires},
            )

    def open_circuit(self, seen: Circuit, opened_at_ms: int, open_until_ms: int) -> bool:
        """Open a circuit for some time, once more than `seen.openings`; False when another process did already."""
        first_opened_ms = seen.opened_at_ms or opened_at_ms
        try:
            self._update(
                seen.key,
                "SET opened_at_ms = :opened, open_until_ms = :until, openings = :more, expires_at = :expires"
                " REMOVE trial_until_ms",
                {
                    ":opened": number(first_opened_ms),
                    ":until": number(open_until_ms),
                    ":more": number(seen.openings + 1),
                    ":expires": number(open_until_ms // 1000 + KEPT_S),
                    **_seen_openings(seen),
                },
                condition=_condition(seen),
            )
        except ConditionFailed:
            return False
        return True

    def take_trial(self, seen: Circuit, until_ms: int) -> bool:
        """Be the one trial of an open circuit; False when another request is."""
        values = {":until": number(until_ms), **_seen_openings(seen)}
        condition = _condition(seen)
        if seen.trial_until_ms:
            condition += " AND trial_until_ms = :trial"
            values[":trial"] = number(seen.trial_until_ms)
        else:
            condition += " AND attribute_not_exists(trial_until_ms)"
        try:
            self._update(seen.key, "SET trial_until_ms = :until", values, condition=condition)
        except ConditionFailed:
            return False
        return True

    def close_circuit(self, key: CircuitKey) -> None:
        """Forget all failures."""
        with faults():
            self._client.delete_item(TableName=self._table, Key=_key(key))

    def _update(self, key: CircuitKey, update: str, values: Item, *, condition: str | None = None) -> Circuit:
        with faults():
            answer = self._client.update_item(
                TableName=self._table,
                Key=_key(key),
                UpdateExpression=update,
                ExpressionAttributeValues=values,
                ReturnValues="ALL_NEW",
                **({"ConditionExpression": condition} if condition else {}),
            )
        return _circuit_of(answer["Attributes"])


def _seen_openings(seen: Circuit) -> Item:
    return {":seen": number(seen.openings)} if seen.openings else {}


def _condition(seen: Circuit) -> str:
    return "openings = :seen" if seen.openings else "attribute_exists(failures) AND attribute_not_exists(openings)"


def _key(key: CircuitKey) -> Item:
    return {"scope": text(SCOPE), "item": text(f"{key.kind.value}#{key.channel_id}#{key.model_id}")}


def _circuit_of(item: Item) -> Circuit:
    kind, channel_id, model_id = item["item"]["S"].split("#", 2)
    numbers = {name: int(item[name]["N"]) for name in _FIELDS if name in item}
    return Circuit(CircuitKey(WalletKind(kind), channel_id, model_id), **numbers)
