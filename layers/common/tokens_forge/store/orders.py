"""Orders in DynamoDB: an order and its trail share a partition, and small items point to it.

An order changes by one transaction: its next version over the version it was made from, the line of its trail, and the item that
finds it by a payment or refund that it names for the first time. The state machine is in the condition.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tokens_forge.checkout.orders import Order, check_step
from tokens_forge.checkout.port import NameTaken, Repeat, Repeated
from tokens_forge.checkout.trail import TrailLine
from tokens_forge.store import order_codec as codec
from tokens_forge.store.codec import Item, number, text
from tokens_forge.store.dynamodb_faults import Cancelled, ConditionFailed, faults
from tokens_forge.store.pages import items_of
from tokens_forge.store.port import StoreThrottled
from tokens_forge.wallets import WalletKind

_ABSENT = {"ConditionExpression": "attribute_not_exists(#scope)", "ExpressionAttributeNames": {"#scope": "scope"}}
BATCH_KEYS_MAX = 100  # DynamoDB's limit of one BatchGetItem


class DynamoOrderStore:
    """Implements `checkout.port.OrderStore`. The client must not retry by itself."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def create(self, order: Order, line: TrailLine, repeat: Repeat | None = None) -> Repeated | None:
        """Write a new order; None when it was written, now or by the first sending of this same call."""
        points_to = {"order_id": text(order.order_id)}
        puts = [
            self._put(codec.order_item(order)),
            self._put(codec.line_item(order.order_id, line)),
            self._put({**codec.account_key(order.account_id, order.order_id), **points_to}),
            self._put({**codec.day_key(order.kind, order.order_id), **points_to}),
        ]
        if repeat is not None:
            puts.append(self._put({**codec.repeat_key(repeat), **points_to, "asked": text(repeat.asked)}))
        try:
            with faults():
                self._client.transact_write_items(TransactItems=puts)
        except Cancelled as cancelled:
            before = cancelled.items[-1] if repeat is not None else None
            if before is not None and before["order_id"]["S"] != order.order_id:
                return Repeated(before["order_id"]["S"], before["asked"]["S"])
        return None

    def read(self, order_id: str) -> Order | None:
        """A consistent read."""
        item = self._read(codec.order_key(order_id))
        return codec.order_of(item) if item else None

    def save(self, before: Order, after: Order, line: TrailLine) -> bool:
        """Write the next version over `before`; False when that is not the stored version any more."""
        check_step(before, after)
        over = {
            "TableName": self._table,
            "Item": codec.order_item(after),
            "ConditionExpression": "#version = :version AND #state = :state",
            "ExpressionAttributeNames": {"#version": "version", "#state": "state"},
            "ExpressionAttributeValues": {":version": number(before.version), ":state": text(before.state.value)},
        }
        points_to = {"order_id": text(after.order_id)}
        puts = [{"Put": over}, self._put(codec.line_item(after.order_id, line))]
        if after.payment_id is not None and before.payment_id is None:
            puts.append(self._put({**codec.payment_key(after.provider, after.payment_id), **points_to}))
        puts += [
            self._put({**codec.refund_key(taking.taking_id), **points_to})
            for taking in after.takings
            if taking.actor is not None and before.taking(taking.taking_id) is None
        ]
        try:
            with faults():
                self._client.transact_write_items(TransactItems=puts)
        except Cancelled:
            stored = self.read(after.order_id)
            if stored == before:  # so it was not the version that stood in the way
                raise NameTaken(after.order_id) from None
            return False
        return True

    def note(self, order_id: str, line: TrailLine) -> bool:
        """Add a line to a trail; False when it is there already."""
        try:
            with faults():
                self._client.put_item(**self._put(codec.line_item(order_id, line))["Put"])
        except ConditionFailed:
            return False
        return True

    def trail(self, order_id: str) -> list[TrailLine]:
        """The whole trail, oldest first; steps of one millisecond in their own order."""
        items = self._query(f"order#{order_id}", "begins_with(#item, :from)", codec.TRAIL)
        return sorted(map(codec.line_of, items), key=lambda line: (line.at_ms, line.line_id))

    def order_of_payment(self, provider: str, payment_id: str) -> str | None:
        """The order that a payment pays. A consistent read."""
        return self._pointed_at(codec.payment_key(provider, payment_id))

    def order_of_refund(self, refund_id: str) -> str | None:
        """The order that a refund of ours is of. A consistent read."""
        return self._pointed_at(codec.refund_key(refund_id))

    def of_account(self, account_id: str, *, before: str | None, limit: int) -> list[Order]:
        """Up to `limit` orders, newest first, those before this order id only."""
        assert 0 < limit <= BATCH_KEYS_MAX
        condition = "#item < :from" if before is not None else None
        ids = []
        for item in self._query(f"account#{account_id}", condition, before, newest_first=True):
            ids.append(item["order_id"]["S"])
            if len(ids) == limit:
                break
        found = {order.order_id: order for order in self._read_many(ids)}
        return [found[order_id] for order_id in ids]

    def of_day(self, kind: WalletKind, day: str) -> Iterator[str]:
        """The ids of every order of one wallet's business created on one UTC day such as `2026-11-24`, newest first."""
        for item in self._query(f"day#{kind.value}#{day}", None, None, newest_first=True):
            yield item["order_id"]["S"]

    def _read_many(self, order_ids: list[str]) -> Iterator[Order]:
        keys = [codec.order_key(order_id) for order_id in order_ids]
        while keys:
            with faults():
                answer = self._client.batch_get_item(RequestItems={self._table: {"Keys": keys, "ConsistentRead": True}})
            unread = answer.get("UnprocessedKeys", {}).get(self._table, {}).get("Keys", [])
            if len(unread) == len(keys):
                raise StoreThrottled("nothing of a batch was read")
            yield from map(codec.order_of, answer["Responses"].get(self._table, []))
            keys = unread

    def _pointed_at(self, key: Item) -> str | None:
        item = self._read(key)
        return item["order_id"]["S"] if item else None

    def _read(self, key: Item) -> Item | None:
        with faults():
            answer = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        item: Item | None = answer.get("Item")
        return item

    def _query(
        self, scope: str, condition: str | None, value: str | None, *, newest_first: bool = False
    ) -> Iterator[Item]:
        names, values = {"#scope": "scope"}, {":scope": text(scope)}
        expression = "#scope = :scope"
        if condition is not None and value is not None:
            names["#item"], values[":from"] = "item", text(value)
            expression += f" AND {condition}"
        return items_of(
            self._client.query,
            TableName=self._table,
            KeyConditionExpression=expression,
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=values,
            ScanIndexForward=not newest_first,
            ConsistentRead=True,
        )

    def _put(self, item: Item) -> dict[str, Any]:
        """A put of an item that must not be there yet."""
        return {
            "Put": {
                "TableName": self._table,
                "Item": item,
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
                **_ABSENT,
            }
        }
