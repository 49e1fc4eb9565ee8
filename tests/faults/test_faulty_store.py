"""Each fault does what its name says, and the store in front is a ledger store like any other."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.faults.faulty_store import READS, STALE_READS, Call, CallFault, FaultyCalls, FaultyLedgerStore, faults_of
from tests.support.dynamodb_faults import Crash
from tests.unit.builders import NOW_MS
from tokens_forge.store.port import LedgerStore, StoreConflict, StoreSilent, StoreThrottled
from tokens_forge.store.simulated import SimulatedLedgerStore
from tokens_forge.wallets import HoldRequest, Wallet, WalletKind

WHERE = ("acc_0123456789ab", WalletKind.OFFICIAL)


def hold(nano: int = 10) -> HoldRequest:
    return HoldRequest(*WHERE, "USD", "req_01kacdefghjkmnpqrstvwxyz01", nano, 0, NOW_MS)


class Bench:
    def __init__(self) -> None:
        self.fault: CallFault | None = None
        self.seen: list[Call] = []
        self.calls = FaultyCalls(self._choose)
        self.inner = SimulatedLedgerStore()
        self.inner.open_wallet(Wallet(*WHERE, "USD", available_nano=100, credits_total_nano=100))
        self.store: LedgerStore = FaultyLedgerStore(self.inner, self.calls)

    def _choose(self, call: Call) -> CallFault | None:
        self.seen.append(call)
        return self.fault

    def held_nano(self) -> int:
        wallet = self.inner.read_wallet(*WHERE)
        assert wallet is not None
        return wallet.held_nano


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.mark.parametrize(
    ("fault", "raised", "held_nano", "delayed"),
    [
        (CallFault.CRASH_BEFORE, Crash, 0, 0),
        (CallFault.CRASH_AFTER, Crash, 10, 0),
        (CallFault.REPLY_LOST, StoreSilent, 10, 0),
        (CallFault.NEVER_ARRIVED, StoreSilent, 0, 0),
        (CallFault.LATE, StoreSilent, 0, 1),
        (CallFault.CONFLICT, StoreConflict, 0, 0),
        (CallFault.THROTTLE, StoreThrottled, 0, 0),
    ],
)
def test_a_fault_raises_and_carries_out_what_its_name_says(
    bench: Bench, fault: CallFault, raised: type[BaseException], held_nano: int, delayed: int
) -> None:
    bench.fault = fault
    with pytest.raises(raised):
        bench.store.place_hold(hold())
    assert (bench.held_nano(), len(bench.calls.delayed)) == (held_nano, delayed)


def test_a_late_call_is_the_very_same_call_when_it_arrives(bench: Bench) -> None:
    bench.fault = CallFault.LATE
    with pytest.raises(StoreSilent):
        bench.store.place_hold(hold())
    assert bench.calls.deliver() == bench.seen[0] == Call("place_hold", (hold(),))
    assert bench.held_nano() == 10 and not bench.calls.delayed


def test_a_late_duplicate_is_answered_first_and_refused_in_silence_later(bench: Bench) -> None:
    bench.fault = CallFault.TWICE
    assert bench.store.place_hold(hold()).placed
    bench.calls.deliver()
    assert bench.held_nano() == 10 and len(bench.seen) == 1, "a delivery is no new call"


def test_delayed_calls_arrive_in_any_order(bench: Bench) -> None:
    bench.fault = CallFault.LATE
    for nano in (10, 20):
        with pytest.raises(StoreSilent):
            bench.store.place_hold(hold(nano))
    bench.calls.deliver(1)
    bench.calls.deliver(0)
    assert bench.held_nano() == 20


def test_a_stale_scan_shows_a_wallet_as_it_was_before_its_last_change(bench: Bench) -> None:
    bench.store.place_hold(hold())
    bench.store.place_hold(hold())  # refused: changes nothing
    bench.fault = CallFault.STALE
    assert [wallet.held_nano for wallet in bench.store.every_wallet()] == [0]
    bench.fault = None
    assert [wallet.held_nano for wallet in bench.store.every_wallet()] == [10]


def test_a_consistent_read_cannot_be_stale(bench: Bench) -> None:
    bench.fault = CallFault.STALE
    with pytest.raises(AssertionError, match="consistent read"):
        bench.store.read_wallet(*WHERE)


READINGS: dict[str, Callable[[LedgerStore], object]] = {
    "read_wallet": lambda store: store.read_wallet(*WHERE),
    "read_intent": lambda store: store.read_intent("req_01kacdefghjkmnpqrstvwxyz01"),
    "minute_intents": lambda store: store.minute_intents("2026-11-24T13:48"),
    "read_entry": lambda store: store.read_entry(*WHERE, "01kacdefghjkmnpqrstvwxyz01.request"),
    "day_entries": lambda store: store.day_entries(*WHERE, "2026-11-24", before=None, limit=3),
    "book": lambda store: list(store.book(*WHERE, "2026-11-24")),
    "every_wallet": lambda store: list(store.every_wallet()),
}


@pytest.mark.parametrize("operation", READINGS)
def test_reading_through_it_is_reading_behind_it(bench: Bench, operation: str) -> None:
    assert READINGS[operation](bench.store) == READINGS[operation](bench.inner)
    assert [call.operation for call in bench.seen] == [operation]
    assert (CallFault.STALE in faults_of(operation)) == (operation in STALE_READS)
    assert CallFault.LATE not in faults_of(operation)


def test_every_operation_of_the_port_goes_through_it() -> None:
    operations = {name for name in vars(LedgerStore) if not name.startswith("_")}
    assert operations <= vars(FaultyLedgerStore).keys()
    assert set(READINGS) | {"read_cursor"} == READS
