"""The real store: DynamoDB through the low-level client, with exactly the conditions that design and protocol model describe."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from tokens_forge.ids import minute_of, time_ms_of
from tokens_forge.intents import Intent, Outcome
from tokens_forge.journal import Entry, day_book
from tokens_forge.store.codec import (
    Item,
    entry_item,
    entry_key,
    entry_of,
    hold_attribute,
    intent_item,
    intent_key,
    intent_record_of,
    number,
    outcome_attribute,
    text,
    wallet_item,
    wallet_key,
    wallet_of,
)
from tokens_forge.store.dynamodb_faults import Cancelled, ConditionFailed, faults
from tokens_forge.store.pages import first_items, items_of
from tokens_forge.store.port import (
    CloseHold,
    Credit,
    EntryName,
    HoldAnswer,
    IntentRecord,
    PostAnswer,
    StoreFault,
    StoreThrottled,
    Unchanged,
    Unreadable,
    WalletChange,
)
from tokens_forge.wallets import HoldRequest, OpenHold, Wallet, WalletKind, WalletStatus

BATCH_KEYS_MAX = 100  # DynamoDB's limit of one BatchGetItem


@dataclass(frozen=True, slots=True)
class LedgerTables:
    """The deployed names of the three money tables."""

    wallets: str
    journal: str
    requests: str


class DynamoLedgerStore:
    """Implements `store.port.LedgerStore`. The client must not retry by itself: settlement does, where it is harmless."""

    def __init__(self, client: Any, tables: LedgerTables) -> None:
        self._client = client
        self._tables = tables

    def open_wallet(self, wallet: Wallet) -> bool:
        """Create a wallet with nothing in it; False when it exists."""
        return self._put_if_absent(self._tables.wallets, wallet_item(wallet), "account_id")

    def read_wallet(self, account_id: str, kind: WalletKind) -> Wallet | None:
        """A consistent read."""
        item = self._read_item(self._tables.wallets, wallet_key(account_id, kind))
        return wallet_of(item) if item else None

    def put_intent(self, intent: Intent) -> None:
        """Write the intent if no record has its id: a late duplicate must not erase a recorded outcome."""
        self._put_if_absent(self._tables.requests, intent_item(intent), "request_id")

    def record_outcome(self, intent: Intent, outcome: Outcome) -> None:
        """Keep the outcome of a request that could not be settled; the first one stays."""
        self._record(intent, "outcome", outcome, "attribute_exists(request_id) AND attribute_not_exists(outcome)")

    def record_checkpoint(self, intent: Intent, progress: Outcome) -> None:
        """Keep how far a long stream has got; the latest one stays."""
        self._record(intent, "checkpoint", progress, "attribute_exists(request_id)")

    def _record(self, intent: Intent, attribute: str, outcome: Outcome, condition: str) -> None:
        try:
            with faults():
                self._client.update_item(
                    TableName=self._tables.requests,
                    Key=intent_key(intent.minute, intent.request_id),
                    UpdateExpression=f"SET {attribute} = :outcome",
                    ConditionExpression=condition,
                    ExpressionAttributeValues={":outcome": outcome_attribute(outcome)},
                )
        except ConditionFailed:
            pass  # it is there already, or the record has expired: there is nothing to keep it in

    def read_intent(self, request_id: str) -> IntentRecord | None:
        """A consistent read."""
        item = self._read_item(self._tables.requests, intent_key(minute_of(time_ms_of(request_id)), request_id))
        return intent_record_of(item) if item else None

    def minute_intents(self, minute: str) -> list[IntentRecord]:
        """Every intent record of one UTC minute such as `2026-11-24T13:48`. A consistent read."""
        return [intent_record_of(item) for item in self._query(self._tables.requests, "minute", minute)]

    def _query(self, table: str, name: str, value: str) -> Iterator[Item]:
        return items_of(
            self._client.query,
            TableName=table,
            KeyConditionExpression="#name = :value",
            ExpressionAttributeNames={"#name": name},
            ExpressionAttributeValues={":value": text(value)},
            ConsistentRead=True,
        )

    def place_hold(self, request: HoldRequest) -> HoldAnswer:
        """Set aside in one conditional update."""
        names = {"#hold": request.hold_id, "#status": "status"}
        values = {
            ":nano": number(request.nano),
            ":hold": hold_attribute(request.nano, request.placed_at_ms, request.limited_key_id, request.part_of),
            ":one": number(1),
            ":active": text(WalletStatus.ACTIVE.value),
            ":currency": text(request.currency),
            ":epoch": number(request.auth_epoch),
            ":max": number(request.open_holds_max),
        }
        update = "SET holds.#hold = :hold, open_holds = open_holds + :one"
        condition = (
            "attribute_not_exists(holds.#hold) AND #status = :active"
            " AND currency = :currency AND auth_epoch = :epoch AND open_holds < :max"
        )
        if request.part_of is not None:
            names["#whole"] = request.part_of
            update += ", holds.#whole.nano = holds.#whole.nano - :nano"
            condition += " AND holds.#whole.nano >= :nano"
        else:
            update += ", available = available - :nano, held = held + :nano"
            condition += " AND available >= :nano"
        if request.limited_key_id is not None and request.part_of is None:
            names["#key"] = request.limited_key_id
            update += ", key_spend_left.#key = key_spend_left.#key - :nano"
            condition += " AND key_spend_left.#key >= :nano"
        try:
            with faults():
                self._client.update_item(
                    TableName=self._tables.wallets,
                    Key=wallet_key(request.account_id, request.kind),
                    UpdateExpression=update,
                    ConditionExpression=condition,
                    ExpressionAttributeNames=names,
                    ExpressionAttributeValues=values,
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
        except ConditionFailed as failed:
            return HoldAnswer(placed=False, before=wallet_of(failed.item) if failed.item else None)
        return HoldAnswer(placed=True)

    def post(self, entry: Entry, change: WalletChange) -> PostAnswer:
        """One transaction of two items: put the entry if absent, change the wallet if its condition holds."""
        entry_key_item = entry_key(entry.account_id, entry.kind, entry.entry_id)
        put = {
            "TableName": self._tables.journal,
            "Item": entry_item(entry),
            "ConditionExpression": "attribute_not_exists(entry_id)",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        update = {
            "TableName": self._tables.wallets,
            "Key": wallet_key(entry.account_id, entry.kind),
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            **_wallet_update(entry, change),
        }
        try:
            with faults():
                if isinstance(change, Unchanged):
                    self._client.put_item(**put)
                else:
                    self._client.transact_write_items(TransactItems=[{"Put": put}, {"Update": update}])
        except ConditionFailed as failed:
            item = failed.item or self._read_item(self._tables.journal, entry_key_item)
            return PostAnswer(posted=False, existing=entry_of(item) if item else None)
        except Cancelled as cancelled:
            existing, before = cancelled.items
            return PostAnswer(
                posted=False,
                existing=entry_of(existing) if existing else None,
                before=wallet_of(before) if before else None,
            )
        return PostAnswer(posted=True)

    def release_hold(self, entry_id: str, account_id: str, kind: WalletKind, hold: OpenHold) -> bool:
        """Give back a hold whose request is ended already; False when there is no such entry or no such hold."""
        check = {
            "TableName": self._tables.journal,
            "Key": entry_key(account_id, kind, entry_id),
            "ConditionExpression": "attribute_exists(entry_id)",
        }
        update = {
            "TableName": self._tables.wallets,
            "Key": wallet_key(account_id, kind),
            **_close_hold(CloseHold(hold.hold_id, hold.nano, 0, hold.limited_key_id, hold.part_of)),
        }
        try:
            with faults():
                self._client.transact_write_items(TransactItems=[{"ConditionCheck": check}, {"Update": update}])
        except Cancelled:
            return False
        return True

    def freeze_wallet(self, account_id: str, kind: WalletKind) -> None:
        """Let the wallet take no new hold."""
        self._update_wallet(
            account_id,
            kind,
            "SET #status = :frozen",
            names={"#status": "status"},
            values={":frozen": text(WalletStatus.FROZEN.value)},
        )

    def every_wallet(self) -> Iterator[Wallet]:
        """All wallets, each as some moment of the reading saw it."""
        return map(wallet_of, items_of(self._client.scan, TableName=self._tables.wallets, ConsistentRead=True))

    def read_entry(self, account_id: str, kind: WalletKind, entry_id: str) -> Entry | None:
        """A consistent read."""
        item = self._read_item(self._tables.journal, entry_key(account_id, kind, entry_id))
        return entry_of(item) if item else None

    def _read_item(self, table: str, key: Item) -> Item | None:
        with faults():
            answer = self._client.get_item(TableName=table, Key=key, ConsistentRead=True)
        item: Item | None = answer.get("Item")
        return item

    def read_entries(self, names: Iterable[EntryName]) -> list[Entry | Unreadable]:
        """Those of the named entries that are there, in any order, each once. An eventually consistent read.

        DynamoDB may give back a part of each batch as not read. Raises StoreThrottled when it has read nothing of one.
        """
        keys = [entry_key(*name) for name in dict.fromkeys(names)]
        found: list[Entry | Unreadable] = []
        while keys:
            batch, keys = keys[:BATCH_KEYS_MAX], keys[BATCH_KEYS_MAX:]
            with faults():
                answer = self._client.batch_get_item(RequestItems={self._tables.journal: {"Keys": batch}})
            unread = answer.get("UnprocessedKeys", {}).get(self._tables.journal, {}).get("Keys", [])
            if len(unread) == len(batch):
                raise StoreThrottled("nothing of a batch was read")
            found += [_readable(item) for item in answer["Responses"].get(self._tables.journal, [])]
            keys += unread
        return found

    def day_entries(
        self, account_id: str, kind: WalletKind, day: str, *, before: str | None, limit: int
    ) -> list[Entry]:
        """Up to `limit` entries of one UTC day, newest first, those before entry id `before` only."""
        condition, values = "book = :book", {":book": text(day_book(account_id, kind, day))}
        if before is not None:
            condition += " AND entry_id < :before"
            values[":before"] = text(before)
        found = first_items(
            self._client.query,
            limit,
            TableName=self._tables.journal,
            KeyConditionExpression=condition,
            ExpressionAttributeValues=values,
            ScanIndexForward=False,
            ConsistentRead=True,
        )
        return [entry_of(item) for item in found]

    def book(self, account_id: str, kind: WalletKind, day: str) -> Iterator[Entry | Unreadable]:
        """Every entry of one wallet on one UTC day, also those that cannot be read as an entry any more."""
        for item in self._query(self._tables.journal, "book", day_book(account_id, kind, day)):
            yield _readable(item)

    def raise_auth_epoch(self, account_id: str, kind: WalletKind) -> None:
        """Make every cached key of this wallet read its record again before the next hold."""
        self._update_wallet(account_id, kind, "SET auth_epoch = auth_epoch + :one", values={":one": number(1)})

    def set_key_spend_limit(self, account_id: str, kind: WalletKind, key_id: str, nano: int | None) -> None:
        """Give a key this much left to spend on this wallet; None removes the limit."""
        if nano is None:
            self._update_wallet(account_id, kind, "REMOVE key_spend_left.#key", names={"#key": key_id})
        else:
            self._update_wallet(
                account_id,
                kind,
                "SET key_spend_left.#key = :nano",
                names={"#key": key_id},
                values={":nano": number(nano)},
            )

    def _update_wallet(
        self,
        account_id: str,
        kind: WalletKind,
        update: str,
        *,
        names: dict[str, str] | None = None,
        values: Item | None = None,
    ) -> None:
        expressions: dict[str, Any] = {"UpdateExpression": update}
        if names:
            expressions["ExpressionAttributeNames"] = names
        if values:
            expressions["ExpressionAttributeValues"] = values
        try:
            with faults():
                self._client.update_item(
                    TableName=self._tables.wallets,
                    Key=wallet_key(account_id, kind),
                    ConditionExpression="attribute_exists(account_id)",
                    **expressions,
                )
        except ConditionFailed:
            raise StoreFault("there is no such wallet") from None

    def _put_if_absent(self, table: str, item: Item, key_attribute: str) -> bool:
        try:
            with faults():
                self._client.put_item(
                    TableName=table, Item=item, ConditionExpression=f"attribute_not_exists({key_attribute})"
                )
        except ConditionFailed:
            return False
        return True


def _readable(item: Item) -> Entry | Unreadable:
    """The entry that an item stands for, or why it is none any more."""
    try:
        return entry_of(item)
    except (AssertionError, ValueError, KeyError, TypeError) as broken:
        return Unreadable(item["entry_id"]["S"], f"{type(broken).__name__}: {broken}")


def _wallet_update(entry: Entry, change: WalletChange) -> dict[str, Any]:
    """Expressions of the wallet's update. Each amount that moves is a number known beforehand: conditions have no arithmetic."""
    if isinstance(change, Unchanged):
        return {}
    if isinstance(change, CloseHold):
        return _close_hold(change)
    values = {":nano": number(change.nano), ":currency": text(entry.currency)}
    if isinstance(change, Credit):
        update = "available = available + :rest, debt = debt - :pays, credits_total = credits_total + :nano"
        values[":pays"] = number(change.pays_debt_nano)
        values[":rest"] = number(change.nano - change.pays_debt_nano)
        condition = "debt >= :pays" if change.pays_debt_nano == change.nano else "debt = :pays"
    else:
        update = "available = available - :rest, debt = debt + :owed, debits_total = debits_total + :nano"
        values[":owed"] = number(change.becomes_debt_nano)
        values[":rest"] = number(change.nano - change.becomes_debt_nano)
        condition = "available = :rest" if change.becomes_debt_nano else "available >= :rest"
    return {
        "UpdateExpression": f"SET {update}",
        "ConditionExpression": f"currency = :currency AND {condition}",
        "ExpressionAttributeValues": values,
    }


def _close_hold(change: CloseHold) -> dict[str, Any]:
    names = {"#hold": change.hold_id}
    values = {
        ":hold": number(change.hold_nano),
        ":back": number(change.hold_nano - change.charge_nano),
        ":charge": number(change.charge_nano),
        ":one": number(1),
    }
    update = "SET debits_total = debits_total + :charge, open_holds = open_holds - :one"
    condition = "holds.#hold.nano = :hold"
    if change.back_to is not None:
        names["#whole"] = change.back_to
        update += ", held = held - :charge, holds.#whole.nano = holds.#whole.nano + :back"
        condition += " AND attribute_exists(holds.#whole)"
    else:
        update += ", available = available + :back, held = held - :hold"
    if change.limited_key_id is not None and change.back_to is None:
        names["#key"] = change.limited_key_id
        # The limit may have been taken off the key meanwhile; the hold must close all the same.
        values[":zero"] = number(0)
        update += ", key_spend_left.#key = if_not_exists(key_spend_left.#key, :zero) + :back"
    return {
        "UpdateExpression": f"{update} REMOVE holds.#hold",
        "ConditionExpression": condition,
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": values,
    }
