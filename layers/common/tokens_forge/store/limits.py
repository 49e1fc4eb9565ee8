"""Counters of limited keys in DynamoDB: one item a minute, and one for the requests that run at once."""

from __future__ import annotations

from typing import Any

from tokens_forge.keys import KeyLimits
from tokens_forge.limits import MINUTE_MS, KeyUse, MinuteUse
from tokens_forge.store.codec import Item, number, numbers, text
from tokens_forge.store.dynamodb_faults import ConditionFailed, faults
from tokens_forge.store.pages import items_of

MINUTE_KEPT_S = 300
SLOTS_KEPT_S = 24 * 3600


class DynamoLimitStore:
    """Implements `limits.LimitStore` and `limits.LimitReader`."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def count(self, key_id: str, minute: int, tokens: int, limits: KeyLimits) -> MinuteUse:
        """Count one request of `tokens` in a minute, if both stay within the limits."""
        if limits.tokens_per_minute is not None and tokens > limits.tokens_per_minute:
            return MinuteUse(admitted=False, requests=0, tokens=0)
        values = {":one": number(1), ":tokens": number(tokens), ":expires": number(minute * 60 + MINUTE_KEPT_S)}
        room = []
        if limits.requests_per_minute is not None:
            room.append("requests < :requests_max")
            values[":requests_max"] = number(limits.requests_per_minute)
        if limits.tokens_per_minute is not None:
            room.append("tokens <= :tokens_room")
            values[":tokens_room"] = number(limits.tokens_per_minute - tokens)
        try:
            with faults():
                answer = self._client.update_item(
                    TableName=self._table,
                    Key=_key(key_id, f"minute#{minute}"),
                    UpdateExpression="ADD requests :one, tokens :tokens SET expires_at = :expires",
                    ConditionExpression=f"attribute_not_exists(requests) OR ({' AND '.join(room)})",
                    ExpressionAttributeValues=values,
                    ReturnValues="ALL_NEW",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
        except ConditionFailed as failed:
            return _use_of(failed.item or {}, admitted=False)
        return _use_of(answer["Attributes"], admitted=True)

    def take_slot(self, key_id: str, slot: str, expires_at_ms: int, slots_max: int, now_ms: int) -> bool:
        """Take one of `slots_max` slots until it is given back or expires; False when none is free."""
        while True:
            try:
                self._update_slots(
                    key_id,
                    "SET slots.#slot = :until, expires_at = :expires",
                    {
                        ":until": number(expires_at_ms),
                        ":expires": number(expires_at_ms // 1000 + SLOTS_KEPT_S),
                        ":max": number(slots_max),
                    },
                    {"#slot": slot},
                    condition="attribute_exists(slots) AND size(slots) < :max",
                )
            except ConditionFailed as failed:
                if failed.item is None:
                    self._make_slots(key_id, expires_at_ms)
                elif not self._clear_one(key_id, failed.item, now_ms):
                    return False
            else:
                return True

    def free_slot(self, key_id: str, slot: str) -> None:
        """Give a slot back; one that is not there any more is no fault."""
        try:
            self._update_slots(
                key_id, "REMOVE slots.#slot", {}, {"#slot": slot}, condition="attribute_exists(slots.#slot)"
            )
        except ConditionFailed:
            return

    def use(self, key_id: str, now_ms: int) -> KeyUse:
        """What a key has used. Nothing is counted."""
        scope = _key(key_id, "")["scope"]
        found = items_of(
            self._client.query,
            TableName=self._table,
            KeyConditionExpression="#scope = :scope",
            ExpressionAttributeNames={"#scope": "scope"},
            ExpressionAttributeValues={":scope": scope},
            ConsistentRead=True,
        )
        items = {item["item"]["S"]: item for item in found}
        minute = _use_of(items.get(f"minute#{now_ms // MINUTE_MS}", {}), admitted=False)
        slots = items["slots"]["slots"]["M"].values() if "slots" in items else ()
        return KeyUse(minute.requests, minute.tokens, sum(int(until["N"]) > now_ms for until in slots))

    def _clear_one(self, key_id: str, item: Item, now_ms: int) -> bool:
        """Take away a slot that has expired; False when there is none."""
        slots = item["slots"]["M"]
        dead = next((slot for slot, until in slots.items() if int(until["N"]) <= now_ms), None)
        if dead is None:
            return False
        try:
            self._update_slots(
                key_id, "REMOVE slots.#slot", {":until": slots[dead]}, {"#slot": dead}, condition="slots.#slot = :until"
            )
        except ConditionFailed:
            return True  # somebody else took it away
        return True

    def _make_slots(self, key_id: str, expires_at_ms: int) -> None:
        item = {
            **_key(key_id, "slots"),
            "slots": numbers({}),
            "expires_at": number(expires_at_ms // 1000 + SLOTS_KEPT_S),
        }
        try:
            with faults():
                self._client.put_item(
                    TableName=self._table, Item=item, ConditionExpression="attribute_not_exists(slots)"
                )
        except ConditionFailed:
            return

    def _update_slots(self, key_id: str, update: str, values: Item, names: dict[str, str], *, condition: str) -> None:
        with faults():
            self._client.update_item(
                TableName=self._table,
                Key=_key(key_id, "slots"),
                UpdateExpression=update,
                ConditionExpression=condition,
                ExpressionAttributeNames=names,
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
                **({"ExpressionAttributeValues": values} if values else {}),
            )


def _key(key_id: str, item: str) -> Item:
    return {"scope": text(f"limit#{key_id}"), "item": text(item)}


def _use_of(item: Item, *, admitted: bool) -> MinuteUse:
    requests, tokens = (int(item[name]["N"]) if name in item else 0 for name in ("requests", "tokens"))
    return MinuteUse(admitted, requests, tokens)
