"""Batches that DynamoDB reads in part, and what is in them that nobody can read any more."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.builders import top_up
from tests.support.engines import Engine
from tokens_forge.journal import Entry
from tokens_forge.store.codec import entry_key
from tokens_forge.store.dynamodb import DynamoLedgerStore, LedgerTables
from tokens_forge.store.port import EntryName, StoreThrottled, Unchanged, Unreadable


def name(entry: Entry) -> EntryName:
    return EntryName(entry.account_id, entry.kind, entry.entry_id)


def put(store: DynamoLedgerStore, count: int) -> list[Entry]:
    entries = [top_up(5) for _ in range(count)]
    for entry in entries:
        assert store.post(entry, Unchanged()).posted
    return sorted(entries, key=lambda entry: entry.entry_id)


class Partial:
    """A client whose answers leave a part of each batch unread, as DynamoDB's may. `reads` is how many keys each one reads."""

    def __init__(self, client: Any, reads: list[int]) -> None:
        self._client = client
        self._reads = reads

    def batch_get_item(self, RequestItems: dict[str, Any]) -> dict[str, Any]:
        [(table, asked)] = RequestItems.items()
        keys = asked["Keys"]
        reads = self._reads.pop(0) if self._reads else len(keys)
        answer: dict[str, Any] = {"Responses": {table: []}, "UnprocessedKeys": {}}
        if keys[:reads]:
            answer = self._client.batch_get_item(RequestItems={table: {"Keys": keys[:reads]}})
        if keys[reads:]:
            answer["UnprocessedKeys"] = {table: {"Keys": keys[reads:]}}
        return answer


def tables(engine: Engine) -> LedgerTables:
    return LedgerTables(*(engine.table_names[f"FORGE_{table}_TABLE"] for table in ("WALLETS", "JOURNAL", "REQUESTS")))


def test_what_a_batch_left_unread_is_read_again(moto: Engine) -> None:
    there = put(DynamoLedgerStore(moto.client(), tables(moto)), 20)
    partial = DynamoLedgerStore(Partial(moto.client(), [7, 1]), tables(moto))
    found = partial.read_entries([name(entry) for entry in there])
    assert sorted(entry.entry_id for entry in found) == [entry.entry_id for entry in there]


def test_a_batch_that_reads_nothing_is_a_throttle(moto: Engine) -> None:
    there = put(DynamoLedgerStore(moto.client(), tables(moto)), 2)
    with pytest.raises(StoreThrottled):
        DynamoLedgerStore(Partial(moto.client(), [1, 0]), tables(moto)).read_entries([name(entry) for entry in there])


def test_an_entry_that_somebody_changed_does_not_hide_the_others(moto: Engine) -> None:
    store = DynamoLedgerStore(moto.client(), tables(moto))
    sound, changed = put(store, 2)
    moto.client().update_item(
        TableName=tables(moto).journal,
        Key=entry_key(*name(changed)),
        UpdateExpression="SET postings.wallet = :one",
        ExpressionAttributeValues={":one": {"N": "1"}},
    )
    found = {entry.entry_id: entry for entry in store.read_entries([name(sound), name(changed)])}
    assert found[sound.entry_id] == sound
    assert isinstance(found[changed.entry_id], Unreadable)
