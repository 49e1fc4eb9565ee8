"""A stored entry that somebody has changed: the books name it and go on, instead of falling over it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.conformance.builders import ACCOUNT, OFFICIAL, hold_request, receipt
from tests.conformance.stores import OnDynamoDB
from tests.support.engines import Engine
from tests.unit.builders import NOW_MS
from tokens_forge.ids import day_of
from tokens_forge.store.codec import Item
from tokens_forge.store.port import Unchanged, Unreadable

Tampering = Callable[[Item], object]
TAMPERINGS: dict[str, tuple[Tampering, str]] = {
    "an amount on one side": (
        lambda item: item["postings"]["M"].update(wallet={"N": "-99"}),
        "AssertionError: postings sum to zero",
    ),
    "a charge beside its postings": (
        lambda item: item["request"]["M"].update(charge={"N": "99"}),
        "AssertionError: the receipt's charge is what the wallet pays",
    ),
    "a field that is gone": (lambda item: item.pop("currency"), "KeyError: 'currency'"),
    "a word that is none": (
        lambda item: item["request"]["M"].update(reason={"S": "because"}),
        "ValueError: 'because' is not a valid SettlementReason",
    ),
    "another shape": (lambda item: item["request"]["M"].update(usage={"L": []}), "KeyError: 'M'"),
    "a bucket too many": (
        lambda item: item["request"]["M"]["usage"]["M"].update(thoughts={"N": "1"}),
        "TypeError: Usage.__init__() got an unexpected keyword argument 'thoughts'",
    ),
}


@pytest.mark.parametrize("name", TAMPERINGS)
def test_a_changed_entry_is_named_with_what_is_wrong_and_its_neighbours_are_read(moto: Engine, name: str) -> None:
    tamper, reason = TAMPERINGS[name]
    kept = OnDynamoDB(moto)
    entries = [receipt(hold_request(400), 100) for _ in range(3)]
    for entry in entries:
        assert kept.store.post(entry, Unchanged()).posted
    first, second, third = sorted(entries, key=lambda entry: entry.entry_id)
    (item,) = (item for item in kept.items(kept.tables.journal) if item["entry_id"]["S"] == second.entry_id)
    tamper(item)
    kept.client.put_item(TableName=kept.tables.journal, Item=item)
    book = list(kept.store.book(ACCOUNT, OFFICIAL, day_of(NOW_MS)))
    assert book == [first, Unreadable(second.entry_id, reason), third]
