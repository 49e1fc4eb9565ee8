"""Entries read by their names, many at a time."""

from __future__ import annotations

from tests.conformance.builders import ACCOUNT, OFFICIAL, ROUTED, STRANGER, top_up
from tests.conformance.ledger import Ledger
from tokens_forge.journal import Entry
from tokens_forge.store.dynamodb import BATCH_KEYS_MAX
from tokens_forge.store.port import EntryName, Unchanged


def name(entry: Entry) -> EntryName:
    return EntryName(entry.account_id, entry.kind, entry.entry_id)


def put(ledger: Ledger, count: int) -> list[Entry]:
    entries = [top_up(5) for _ in range(count)]
    for entry in entries:
        assert ledger.post(entry, Unchanged()).posted
    return sorted(entries, key=lambda entry: entry.entry_id)


def test_no_names_give_no_entries(empty_ledger: Ledger) -> None:
    assert empty_ledger.read_entries([]) == []


def test_only_those_that_are_there_come_back_and_each_once(empty_ledger: Ledger) -> None:
    there = put(empty_ledger, 3)
    absent = [
        name(top_up(5)),
        EntryName(ACCOUNT, ROUTED, there[0].entry_id),
        EntryName(STRANGER, OFFICIAL, there[1].entry_id),
    ]
    asked = [name(entry) for entry in there]
    assert empty_ledger.read_entries([*absent, *asked, *reversed(asked)]) == there


def test_more_than_one_batch_comes_back_whole(empty_ledger: Ledger) -> None:
    with empty_ledger.unwatched():
        there = put(empty_ledger, 2 * BATCH_KEYS_MAX + 1)
    assert empty_ledger.read_entries([name(entry) for entry in there]) == there
