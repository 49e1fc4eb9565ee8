"""Health in DynamoDB: one item for each channel and model, and one counter a day for each channel that is probed for money."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from tokens_forge.health import ChannelModel, Health, HealthState, Observation, Source
from tokens_forge.ids import time_ms_of_minute
from tokens_forge.money import Money
from tokens_forge.store.codec import Item, number, text
from tokens_forge.store.dynamodb_faults import ConditionFailed, faults
from tokens_forge.store.pages import items_of
from tokens_forge.wallets import WalletKind

KEPT_S = 24 * 3600  # after the last look; a channel that is not looked at any more disappears
SPEND_KEPT_S = 3 * 24 * 3600
_NUMBERS = ("samples", "successes", "streak", "p50_ms", "p95_ms")


class DynamoHealthStore:
    """Implements `health.HealthStore` and `probes.ProbeBudget`."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def read_health(self, kind: WalletKind) -> dict[ChannelModel, Health]:
        """Everything that is known of the channels of one wallet's class. An eventually consistent read.

        What another version of this code wrote and this one cannot read is not known: the next look writes it anew.
        """
        found: dict[ChannelModel, Health] = {}
        for item in items_of(
            self._client.query,
            TableName=self._table,
            KeyConditionExpression="#scope = :scope",
            ExpressionAttributeNames={"#scope": "scope"},
            ExpressionAttributeValues={":scope": text(_health_scope(kind))},
        ):
            channel_id, _, model_id = item["item"]["S"].partition("#")
            with suppress(KeyError, ValueError, TypeError):
                found[(channel_id, model_id)] = _health_of(item)
        return found

    def write_health(self, kind: WalletKind, subject: ChannelModel, health: Health) -> None:
        """Replace what is known of one channel for one model."""
        item: Item = {
            "scope": text(_health_scope(kind)),
            "item": text("#".join(subject)),
            "state": text(health.state.value),
            "since_ms": number(health.since_ms),
            "checked_at_ms": number(health.checked_at_ms),
            "looks": number(health.looks),
            "expires_at": number(max(health.checked_at_ms, health.since_ms) // 1000 + KEPT_S),
        }
        if health.seen is not None:
            counts = {name: getattr(health.seen, name) for name in _NUMBERS}
            item["source"] = text(health.seen.source.value)
            item.update({name: number(count) for name, count in counts.items() if count is not None})
        with faults():
            self._client.put_item(TableName=self._table, Item=item)

    def take(self, kind: WalletKind, channel_id: str, day: str, cost: Money, cap_nano: int) -> bool:
        """Add a cost to what a channel's probes may have cost on this UTC day; False when that would exceed the cap."""
        if cost.nano > cap_nano:
            return False
        room = {":room": number(cap_nano - cost.nano)}
        try:
            self._add_spent(kind, channel_id, day, cost, room, "attribute_not_exists(spent) OR spent <= :room")
        except ConditionFailed:
            return False
        return True

    def exceeded(self, kind: WalletKind, channel_id: str, day: str, excess: Money) -> None:
        """Add what a probe has cost beyond what was taken for it."""
        self._add_spent(kind, channel_id, day, excess, {}, None)

    def _add_spent(
        self, kind: WalletKind, channel_id: str, day: str, cost: Money, values: Item, condition: str | None
    ) -> None:
        expires_at_s = time_ms_of_minute(f"{day}T00:00") // 1000 + SPEND_KEPT_S
        with faults():
            self._client.update_item(
                TableName=self._table,
                Key={"scope": text(f"probe#{kind.value}"), "item": text(f"{day}#{cost.currency}#{channel_id}")},
                UpdateExpression="SET spent = if_not_exists(spent, :zero) + :cost, expires_at = :expires",
                ExpressionAttributeValues={
                    ":zero": number(0),
                    ":cost": number(cost.nano),
                    ":expires": number(expires_at_s),
                    **values,
                },
                **({"ConditionExpression": condition} if condition else {}),
            )


def _health_scope(kind: WalletKind) -> str:
    return f"health#{kind.value}"


def _health_of(item: Item) -> Health:
    counts = {name: int(item[name]["N"]) for name in _NUMBERS if name in item}
    return Health(
        state=HealthState(item["state"]["S"]),
        since_ms=int(item["since_ms"]["N"]),
        checked_at_ms=int(item["checked_at_ms"]["N"]),
        seen=Observation(Source(item["source"]["S"]), **counts) if "source" in item else None,
        looks=int(item["looks"]["N"]),
    )
