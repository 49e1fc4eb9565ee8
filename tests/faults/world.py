"""A small world: one account on a simulated store, a clock, and processes whose calls can be twisted at any point.

Processes run one after the other. A twist may let another process run, or a delayed message arrive, just before a call: so two
processes meet at every point where they can meet. The whole world can be put back to an earlier moment.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.faults.clocks import SimulatedClock
from tests.faults.faulty_store import Call, CallFault, FaultyCalls, FaultyCursors, FaultyLedgerStore, faults_of
from tests.faults.twists import Point, Script, Twist
from tests.support.dynamodb_faults import Crash
from tests.unit.builders import NOW_MS
from tokens_forge.checkout.books import OrderBooks
from tokens_forge.clock import Clock
from tokens_forge.ids import minute_of, new_ulid
from tokens_forge.intents import Held, Outcome
from tokens_forge.journal import Entry
from tokens_forge.money import Money
from tokens_forge.reconciliation import Reconciled, Reconciliation
from tokens_forge.settlement import Balances, Books, HoldLost, Refunds, RetryRule, Settlement
from tokens_forge.store.port import LedgerStore
from tokens_forge.store.simulated import SimulatedLedgerStore
from tokens_forge.store.simulated_orders import SimulatedOrderStore
from tokens_forge.sweeper import CURSOR, Sweeper
from tokens_forge.wallets import Wallet, WalletKind

ACCOUNT = "acc_0123456789ab"
OFFICIAL = (ACCOUNT, WalletKind.OFFICIAL)
ROUTED = (ACCOUNT, WalletKind.ROUTED)
MINUTE_MS = 60_000
START_MS = NOW_MS // MINUTE_MS * MINUTE_MS + 1_000
SWEEP_AFTER_S = 60
DRAINED_AT_MS = START_MS + 2 * MINUTE_MS  # old enough for the sweeper, and no minute more to walk through
WINDOW_S = 120
TRIES_MAX = 2  # so that two faults in a row exhaust them
CALLS_MAX = 300  # of one process: whoever makes more will never end


def ulid(letter: str) -> str:
    """The same id in every world, with the time of its beginning."""
    return new_ulid(START_MS)[:10] + letter * 16


_LATENESS = frozenset({Twist.SWEPT, Twist.RECONCILED, Twist.LATE_OUTAGE})
_OUTAGES = {Twist.OUTAGE: CallFault.NEVER_ARRIVED, Twist.LATE_OUTAGE: CallFault.LATE}


@dataclass(frozen=True, slots=True)
class Moment:
    """The whole state of a world."""

    parts: tuple[dict[Any, Any], ...]
    intents: dict[str, dict[str, Any]]
    delayed: tuple[Any, ...]
    told: tuple[object, ...]
    provider_calls: int
    came_late: bool


@dataclass
class World:
    """`told` is what callers outside heard: an entry, or a word. `key_limit_nano` is the spend limit of the caller's key.
    `came_late` says that an intent may have been written after the sweeper's visit: only then one may be found without an entry.
    """

    store: SimulatedLedgerStore = field(default_factory=SimulatedLedgerStore)
    cursors: dict[str, str] = field(default_factory=dict)
    clock: SimulatedClock = field(default_factory=lambda: SimulatedClock(START_MS))
    told: list[object] = field(default_factory=list)
    provider_calls: int = 0
    came_late: bool = False
    key_limit_nano: int | None = None
    tries_max: int = TRIES_MAX
    cancel: Callable[[], None] | None = None
    other: Callable[[World], object] | None = None
    make_settlement: Callable[[Books], Settlement] = field(default_factory=lambda: WatchedSettlement)
    event_loop: asyncio.AbstractEventLoop | None = None

    def __post_init__(self) -> None:
        self._script: Script = {}
        self._dead = False
        self._outage: CallFault | None = None
        self.points: list[Point] = []
        self.down: frozenset[str] = frozenset()  # operations that the running process cannot reach
        self.calls = FaultyCalls(self._decide)
        self.faulty = FaultyLedgerStore(self.store, self.calls)
        for (account_id, kind), currency in ((OFFICIAL, "USD"), (ROUTED, "CNY")):
            self.store.open_wallet(Wallet(account_id, kind, currency, opened_at_ms=START_MS))
        self.write_cursor(CURSOR, minute_of(START_MS))

    def read_cursor(self, name: str) -> str | None:
        return self.cursors.get(name)

    def write_cursor(self, name: str, value: str) -> None:
        self.cursors[name] = value

    def books(self, store: LedgerStore | None = None, clock: Clock | None = None) -> Books:
        """Books of a new process; without a store of its own, one whose calls are twisted."""
        return Books(store or self.faulty, clock or self.clock, RetryRule(self.tries_max, random_unit=lambda: 0.0))

    def settlement(self, clock: Clock | None = None) -> Settlement:
        """Settlement in a new process."""
        return self.make_settlement(self.books(clock=clock))

    def settlement_at_peace(self) -> Settlement:
        """Settlement with which nothing goes wrong: for what stands before an operation."""
        return Settlement(self.books(self.store))

    def balances_at_peace(self) -> Balances:
        """Balances with which nothing goes wrong."""
        return Balances(self.books(self.store))

    def balances(self) -> Balances:
        """Balances in a new process."""
        return Balances(self.books())

    def fund(self, kind: WalletKind, nano: int) -> Entry:
        """Put money in once, with nothing going wrong."""
        currency, letter = ("USD", "f") if kind is WalletKind.OFFICIAL else ("CNY", "g")
        return self.balances_at_peace().top_up(
            ACCOUNT, kind, Money(nano, currency), order_id=f"ord_{ulid(letter)}", source="bank"
        )

    def fund_both(self, nano: int) -> None:
        """The same amount of its currency into each wallet."""
        for kind in WalletKind:
            self.fund(kind, nano)

    def loop(self, make: Callable[[], asyncio.AbstractEventLoop]) -> asyncio.AbstractEventLoop:
        """The event loop of every process that has one; `close` ends it."""
        self.event_loop = self.event_loop or make()
        return self.event_loop

    def close(self) -> None:
        if self.event_loop is not None:
            self.event_loop.close()

    def wallet(self, kind: WalletKind = WalletKind.OFFICIAL) -> Wallet:
        return self.store.wallets[(ACCOUNT, kind)]

    def sweep(self) -> None:
        """One run of the sweeper, when every request of this world is old."""
        self.clock.time_ms = DRAINED_AT_MS
        self._sweeper(self.faulty, FaultyCursors(self, self.calls)).run(lambda: True)

    def reconcile(self) -> None:
        """One run of the reconciliation, when every request of this world is old. Raises BooksBroken for what it finds."""
        self.clock.time_ms = DRAINED_AT_MS
        self._check_findings(self._reconciliation(self.faulty, FaultyCursors(self, self.calls)).run())

    def _sweeper(self, store: LedgerStore, cursors: Any) -> Sweeper:
        settlement = self.make_settlement(self.books(store))
        return Sweeper(settlement, store, cursors, self.clock, sweep_after_s=SWEEP_AFTER_S)

    def _reconciliation(self, store: LedgerStore, cursors: Any) -> Reconciliation:
        settlement = self.make_settlement(self.books(store))
        orders = self.order_books(store)
        return Reconciliation(store, settlement, lambda: [ACCOUNT], cursors, orders, self.clock, window_s=WINDOW_S)

    def order_books(self, store: LedgerStore) -> OrderBooks:
        """Orders as the reconciliation sees them: this world has none."""
        return OrderBooks(SimulatedOrderStore(), store, Refunds(self.books(store)))

    def _check_findings(self, done: Reconciled) -> None:
        expected = {"intent_without_entry"} if self.came_late else set()
        found = [finding for finding in done.findings if finding.problem not in expected]
        if found:
            raise BooksBroken(f"the reconciliation found {found}")

    def point(self, operation: str) -> CallFault | None:
        """A call to something that is no store: a provider."""
        fault = self._decide(Call(operation, ()))
        if fault is CallFault.CRASH_BEFORE:
            raise Crash(operation)
        return fault

    def run(self, process: Callable[[World], object], script: Script) -> object:
        """Run one process with these twists, by the number of the call. A crash, or what the process raised, is returned."""
        self._script, self._dead, self._outage, self.points, self.down = script, False, None, [], frozenset()
        try:
            return process(self)
        except BaseException as raised:
            if isinstance(raised, KeyboardInterrupt | SystemExit):
                raise
            return raised

    def _decide(self, call: Call) -> CallFault | None:
        if self._dead:
            raise Crash(call.operation)
        if len(self.points) > CALLS_MAX:
            raise BooksBroken(f"{call.operation} is called without end")
        twist = self._script.get(len(self.points))
        self.points.append(Point(call.operation, bool(self.calls.delayed)))
        if isinstance(twist, CallFault):
            self.came_late |= twist is CallFault.LATE
            self._dead = twist in (CallFault.CRASH_BEFORE, CallFault.CRASH_AFTER)
            return twist
        self.came_late |= twist in _LATENESS
        match twist:
            case Twist.ARRIVES:
                self.deliver_all()
            case Twist.SWEPT:
                self._aside(lambda: self._sweeper(self.store, self).run(lambda: True))
            case Twist.RECONCILED:
                self._aside(lambda: self._check_findings(self._reconciliation(self.store, self).run()))
            case Twist.OUTAGE | Twist.LATE_OUTAGE:
                self._outage = _OUTAGES[twist]
            case Twist.CANCELLED:
                assert self.cancel is not None
                self.cancel()
            case Twist.PROVIDER_FAILS:
                raise ProviderFailed
            case Twist.OTHER:
                assert self.other is not None
                self.other(self)
                self.deliver_all()
            case None:
                pass
        if call.operation in self.down:
            return CallFault.NEVER_ARRIVED
        if self._outage is CallFault.LATE and CallFault.LATE not in faults_of(call.operation):
            return CallFault.NEVER_ARRIVED
        return None if call.operation.startswith("provider") else self._outage

    def _aside(self, other: Callable[[], object]) -> None:
        """Let another process run to its end, with a clock that is ahead and calls that are not counted."""
        now_ms, self.clock.time_ms = self.clock.time_ms, DRAINED_AT_MS
        other()
        self.clock.time_ms = now_ms

    def deliver_all(self, *, newest_first: bool = False) -> None:
        """Whatever is still under way arrives."""
        while self.calls.delayed:
            self.calls.deliver(-1 if newest_first else 0)

    def now(self) -> Moment:
        store = self.store
        return Moment(
            (dict(store.wallets), dict(store.journal), dict(self.cursors), dict(self.faulty.before_last_change)),
            {minute: dict(bucket) for minute, bucket in store.intents.items()},
            tuple(self.calls.delayed),
            tuple(self.told),
            self.provider_calls,
            self.came_late,
        )

    def back_to(self, moment: Moment) -> None:
        store = self.store
        store.wallets, store.journal, self.cursors, before = (dict(part) for part in moment.parts)
        # Delayed calls know this very dictionary.
        self.faulty.before_last_change.clear()
        self.faulty.before_last_change.update(before)
        store.intents = {minute: dict(bucket) for minute, bucket in moment.intents.items()}
        self.calls.delayed[:] = moment.delayed
        self.told[:] = moment.told
        self.provider_calls = moment.provider_calls
        self.came_late = moment.came_late
        self.clock.time_ms = START_MS


class WatchedSettlement(Settlement):
    """Settlement whose alarm is heard, whoever catches it."""

    def settle(self, held: Held, outcome: Outcome) -> Entry:
        try:
            return super().settle(held, outcome)
        except HoldLost as lost:
            raise BooksBroken(f"a request has neither hold nor entry: {lost}") from lost


class ProviderFailed(Exception):
    """The provider broke off here: `provider.py` says it in the words of the port."""


class BooksBroken(AssertionError):
    """An invariant does not hold; the message says where, and after which twists."""
