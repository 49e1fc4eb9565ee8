"""Pool members' state in DynamoDB: one item for each member that was used within the last weeks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tokens_forge.channels import ChannelKind
from tokens_forge.clock import Clock
from tokens_forge.pool_members import Bucket, Measure, MemberState, Slot, SlotEnd
from tokens_forge.store.codec import Item, number, text
from tokens_forge.store.dynamodb_faults import ConditionFailed, faults
from tokens_forge.store.pages import items_of

KEPT_S = 35 * 24 * 3600  # longer than the longest window and its last bucket


class DynamoPoolStore:
    """Implements `pools.PoolStore`."""

    def __init__(self, client: Any, table: str, clock: Clock) -> None:
        self._client = client
        self._table = table
        self._clock = clock

    def read_members(self, channel_id: str) -> dict[str, MemberState]:
        """The state of every member that was ever used, by member id. A consistent read."""
        items = items_of(
            self._client.query,
            TableName=self._table,
            KeyConditionExpression="#scope = :scope",
            ExpressionAttributeNames={"#scope": "scope"},
            ExpressionAttributeValues={":scope": text(scope_of(channel_id))},
            ConsistentRead=True,
        )
        return {item["item"]["S"]: _state_of(item) for item in items}

    def write_member(self, channel_id: str, member_id: str, seen_version: int, state: MemberState) -> bool:
        """Replace the state, and raise its version, if it still has the version that was seen; False when it has not."""
        seen = {":seen": number(seen_version)} if seen_version else {}
        return self._update(
            channel_id,
            member_id,
            "SET version = :version, slots = :slots, used = :used, cooling_until_ms = :cooling, coolings = :coolings",
            {
                ":version": number(seen_version + 1),
                ":slots": {"M": {slot_id: _slot_attribute(slot) for slot_id, slot in state.slots.items()}},
                ":used": {"M": {_name_of(bucket): number(amount) for bucket, amount in state.used.items()}},
                ":cooling": number(state.cooling_until_ms),
                ":coolings": number(state.coolings),
                **seen,
            },
            condition="version = :seen" if seen_version else "attribute_not_exists(version)",
        )

    def end_slot(self, channel_id: str, member_id: str, end: SlotEnd, *, worked: bool) -> bool:
        """Take a slot away and add what it used; False when it is not there or has expired. `worked` forgets past coolings."""
        if not worked:
            return self._end(channel_id, member_id, end)
        return self._end(channel_id, member_id, end, ", coolings = :none", {":none": number(0)})

    def cool_member(self, channel_id: str, member_id: str, end: SlotEnd, until_ms: int) -> bool:
        """The same, and cool the member; False also when it is cooled for longer already."""
        return self._end(
            channel_id,
            member_id,
            end,
            ", cooling_until_ms = :until, coolings = coolings + :one",
            {":until": number(until_ms)},
            condition=" AND cooling_until_ms < :until",
        )

    def _end(
        self,
        channel_id: str,
        member_id: str,
        end: SlotEnd,
        update: str = "",
        values: Item | None = None,
        *,
        condition: str = "",
    ) -> bool:
        names, sums = {"#slot": end.slot_id}, ""
        added = {":one": number(1), ":at": number(end.at_ms), **(values or {})}
        for index, (bucket, amount) in enumerate(end.booked.items()):
            names[f"#b{index}"] = _name_of(bucket)
            added |= {f":b{index}": number(amount), ":zero": number(0)}
            sums += f", used.#b{index} = if_not_exists(used.#b{index}, :zero) + :b{index}"
        return self._update(
            channel_id,
            member_id,
            f"SET version = version + :one{sums}{update}",
            added,
            condition=f"slots.#slot.expires_at_ms > :at{condition}",  # false too when there is no such slot
            removes=" REMOVE slots.#slot",
            names=names,
        )

    def _update(
        self,
        channel_id: str,
        member_id: str,
        sets: str,
        values: Item,
        *,
        condition: str,
        removes: str = "",
        names: Mapping[str, str] | None = None,
    ) -> bool:
        expires_at_s = self._clock.now_ms() // 1000 + KEPT_S
        try:
            with faults():
                self._client.update_item(
                    TableName=self._table,
                    Key={"scope": text(scope_of(channel_id)), "item": text(member_id)},
                    UpdateExpression=f"{sets}, expires_at = :expires{removes}",
                    ConditionExpression=condition,
                    ExpressionAttributeValues={**values, ":expires": number(expires_at_s)},
                    **({"ExpressionAttributeNames": names} if names else {}),
                )
        except ConditionFailed:
            return False
        return True


def scope_of(channel_id: str) -> str:
    """The partition of a pool. It names the wallet too: a channel id is unique within one wallet only."""
    return f"pool#{ChannelKind.POOL.wallet.value}#{channel_id}"


def _state_of(item: Item) -> MemberState:
    slots = {
        slot_id: Slot(int(slot["M"]["expires_at_ms"]["N"]), int(slot["M"]["tokens"]["N"]))
        for slot_id, slot in item["slots"]["M"].items()
    }
    return MemberState(
        version=int(item["version"]["N"]),
        slots=slots,
        used={_bucket_of(name): int(amount["N"]) for name, amount in item["used"]["M"].items()},
        cooling_until_ms=int(item["cooling_until_ms"]["N"]),
        coolings=int(item["coolings"]["N"]),
    )


def _slot_attribute(slot: Slot) -> Item:
    return {"M": {"expires_at_ms": number(slot.expires_at_ms), "tokens": number(slot.tokens)}}


def _name_of(bucket: Bucket) -> str:
    return f"{bucket.measure.value}/{bucket.length_s}/{bucket.number}"


def _bucket_of(name: str) -> Bucket:
    measure, length_s, bucket_number = name.split("/")
    return Bucket(Measure(measure), int(length_s), int(bucket_number))
