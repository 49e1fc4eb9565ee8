"""Reading the journal by day: newest first for a statement, oldest first for the books, page by page."""

from __future__ import annotations

import pytest

from tests.conformance.builders import ACCOUNT, DAY_MS, OFFICIAL, ROUTED, STRANGER, hold_request, receipt, request_id
from tests.conformance.ledger import Ledger
from tests.unit.builders import NOW_MS
from tokens_forge.ids import day_of
from tokens_forge.journal import Entry
from tokens_forge.store.port import PostAnswer, Unchanged
from tokens_forge.wallets import WalletKind

DAY = day_of(NOW_MS)
START_MS = NOW_MS // DAY_MS * DAY_MS  # the first millisecond of DAY


def put(ledger: Ledger, at_ms: int, kind: WalletKind = OFFICIAL, reference: str | None = None) -> Entry:
    """An entry of a request that began at this time."""
    entry = receipt(hold_request(5, hold_id=request_id(at_ms), kind=kind), reference=reference)
    assert ledger.post(entry, Unchanged()) == PostAnswer(posted=True)
    return entry


def day(ledger: Ledger, *, before: str | None = None, limit: int = 100, which: str = DAY) -> list[Entry]:
    return ledger.day_entries(ACCOUNT, OFFICIAL, which, before=before, limit=limit)


@pytest.fixture
def five(empty_ledger: Ledger) -> list[Entry]:
    """Five entries of one day, newest first, written in another order."""
    written = [put(empty_ledger, START_MS + at_ms) for at_ms in (3, 0, 4, DAY_MS - 1, 1)]
    return sorted(written, key=lambda entry: entry.entry_id, reverse=True)


def test_a_day_is_read_newest_first(empty_ledger: Ledger, five: list[Entry]) -> None:
    assert day(empty_ledger) == five
    assert five[0].occurred_at_ms == START_MS + DAY_MS - 1


def test_the_books_are_read_oldest_first(empty_ledger: Ledger, five: list[Entry]) -> None:
    assert list(empty_ledger.book(ACCOUNT, OFFICIAL, DAY)) == five[::-1]


@pytest.mark.parametrize("limit", [0, 1, 2, 4, 5, 6])
def test_at_most_so_many_entries_are_read(empty_ledger: Ledger, five: list[Entry], limit: int) -> None:
    assert day(empty_ledger, limit=limit) == five[:limit]


@pytest.mark.parametrize("position", [0, 1, 3, 4])
@pytest.mark.parametrize("limit", [1, 2, 10])
def test_before_an_entry_means_older_than_it(
    empty_ledger: Ledger, five: list[Entry], position: int, limit: int
) -> None:
    assert day(empty_ledger, before=five[position].entry_id, limit=limit) == five[position + 1 :][:limit]


def test_before_need_not_be_an_entry_that_is_there(empty_ledger: Ledger, five: list[Entry]) -> None:
    assert day(empty_ledger, before="z") == five
    assert day(empty_ledger, before="0") == []
    assert day(empty_ledger, before=five[2].entry_id + "!") == five[2:]


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_page_after_page_gives_every_entry_once(empty_ledger: Ledger, five: list[Entry], limit: int) -> None:
    found: list[Entry] = []
    while page := day(empty_ledger, before=found[-1].entry_id if found else None, limit=limit):
        found += page
    assert found == five


@pytest.mark.parametrize("offset_ms", [-1, 0, DAY_MS - 1, DAY_MS])
def test_an_entry_is_in_the_book_of_the_day_on_which_its_request_began(empty_ledger: Ledger, offset_ms: int) -> None:
    entry = put(empty_ledger, START_MS + offset_ms)
    inside = 0 <= offset_ms < DAY_MS
    assert day(empty_ledger) == ([entry] if inside else [])
    assert day(empty_ledger, which=day_of(START_MS + offset_ms)) == [entry]


def test_each_day_has_a_book_of_its_own(empty_ledger: Ledger) -> None:
    entries = [put(empty_ledger, START_MS + number * DAY_MS) for number in range(-2, 3)]
    for number, entry in zip(range(-2, 3), entries, strict=True):
        assert day(empty_ledger, which=day_of(START_MS + number * DAY_MS)) == [entry]
        assert empty_ledger.read_entry(ACCOUNT, OFFICIAL, entry.entry_id) == entry
    assert day(empty_ledger, which=day_of(START_MS + 3 * DAY_MS)) == []


def test_each_wallet_has_a_book_of_its_own(empty_ledger: Ledger) -> None:
    ours, other = put(empty_ledger, NOW_MS), put(empty_ledger, NOW_MS, ROUTED)
    assert day(empty_ledger) == [ours]
    assert list(empty_ledger.book(ACCOUNT, ROUTED, DAY)) == [other]
    assert list(empty_ledger.book(STRANGER, OFFICIAL, DAY)) == []
    assert empty_ledger.read_entry(ACCOUNT, ROUTED, ours.entry_id) is None
    assert empty_ledger.read_entry(STRANGER, OFFICIAL, ours.entry_id) is None


def test_two_types_of_entry_of_one_request_stand_beside_each_other(empty_ledger: Ledger) -> None:
    void = put(empty_ledger, NOW_MS)
    late = receipt(hold_request(5), entry_id=void.entry_id.replace(".request", ".late"))
    assert empty_ledger.post(late, Unchanged()) == PostAnswer(posted=True)
    assert day(empty_ledger) == [void, late]


@pytest.mark.parametrize("limit", [1, 4, 7, 100])
def test_a_day_is_read_past_one_page(empty_ledger: Ledger, limit: int) -> None:
    # A page of DynamoDB is 1 MB; each of these items has 300 KB.
    entries = [put(empty_ledger, START_MS + number, reference="r" * 300_000) for number in range(8)]
    assert day(empty_ledger, limit=limit) == entries[::-1][:limit]
    assert day(empty_ledger, before=entries[6].entry_id, limit=limit) == entries[5::-1][:limit]
    assert list(empty_ledger.book(ACCOUNT, OFFICIAL, DAY)) == entries
