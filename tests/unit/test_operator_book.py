"""What a probe costs is booked on the operator, once, and on no customer's wallet."""

from __future__ import annotations

from contextlib import nullcontext

import pytest

from tests.unit.builders import NOW_MS
from tests.unit.settlement_bench import DOLLAR, Bench
from tokens_forge.ids import new_id
from tokens_forge.journal import OPERATOR, EntryType, entry_id_of
from tokens_forge.money import Money
from tokens_forge.settlement import Books, OperatorBook
from tokens_forge.wallets import WalletKind


def test_a_probe_is_booked_once_between_the_operators_own_accounts(bench: Bench) -> None:
    book = OperatorBook(Books(bench.store, bench.clock))
    probe_id = new_id("prb", NOW_MS)
    entries = [book.book_probe(probe_id, WalletKind.ROUTED, "first", "small", Money(120, "CNY")) for _ in range(2)]
    assert entries[0] == entries[1]
    entry = bench.store.read_entry(OPERATOR, WalletKind.ROUTED, entries[0].entry_id)
    assert entry == entries[0] and entry.type is EntryType.PROBE
    assert {posting.book_account: posting.nano for posting in entry.postings} == {
        "provider_cost": 120,
        "provider:first": -120,
    }
    assert (entry.currency, entry.written_at_ms, entry.reference) == ("CNY", NOW_MS, "small")
    assert bench.wallet(WalletKind.ROUTED).available_nano == DOLLAR


def test_the_smallest_cost_is_booked_and_none_is_refused(bench: Bench) -> None:
    book = OperatorBook(Books(bench.store, bench.clock))
    for nano, is_booked in ((1, True), (0, False)):
        probe_id = new_id("prb", NOW_MS)
        with nullcontext() if is_booked else pytest.raises(AssertionError):
            book.book_probe(probe_id, WalletKind.OFFICIAL, "first", "small", Money(nano, "USD"))
        entry_id = entry_id_of(probe_id, EntryType.PROBE)
        assert (bench.store.read_entry(OPERATOR, WalletKind.OFFICIAL, entry_id) is not None) == is_booked
