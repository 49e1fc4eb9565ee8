"""The weather of one run: which faults there are, how often, and when late messages arrive.

Each seed has a weather of its own, from still to stormy, with some kinds of faults and without others: what meets only without a
third thing would otherwise never meet.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from tests.faults.faulty_store import READS, Call, CallFault, FaultyCalls, faults_of
from tests.simulation.chance import Chance
from tests.simulation.scheduler import Scheduler

CALM, UNSETTLED, STORMY = 0.01, 0.08, 0.25  # share of calls that go wrong
RARE = {CallFault.CRASH_BEFORE: 0.25, CallFault.CRASH_AFTER: 0.25}  # so that some requests get far enough to end badly
JOBS = ("sweeper", "reconciliation")  # they make many calls, and any fault ends a run: most must get through
JOBS_SHARE = 0.15
STALE_SHARE = 0.4  # of scans
STALLS_MS_MAX = 900_000  # a process may be frozen for longer than the sweeper waits
SPELL_CALLS_MAX = 6
OUTAGE_SHARE = 0.25  # of runs: for a while, nothing can be posted
OUTAGE_MS_MAX = 400_000


class Weather:
    """Decides about each call. A call is also the moment at which another thread may go on."""

    def __init__(self, chance: Chance, scheduler: Scheduler, trace: Callable[[str], None] | None) -> None:
        self._chance = chance
        self._scheduler = scheduler
        self._trace = trace
        self.counts: Counter[CallFault] = Counter()
        self.calls = FaultyCalls(self._fault_of)
        self._share = chance.one_of((0.0, CALM, UNSETTLED, UNSETTLED, STORMY))
        allowed = [fault for fault in CallFault if chance.happens(0.7)]
        self._allowed = frozenset(allowed)
        self._arrives_share = chance.one_of((0.01, 0.05, 0.3))
        self._stall_share = chance.one_of((0.0, 0.003, 0.015))
        self._spell_share = chance.one_of((0.0, 0.1, 0.5))
        begins_ms = scheduler.now_ms + chance.below(OUTAGE_MS_MAX)
        ends_ms = begins_ms + chance.below(OUTAGE_MS_MAX) if chance.happens(OUTAGE_SHARE) else begins_ms
        self._outage_ms = range(begins_ms, ends_ms)
        self._spells: dict[str, tuple[CallFault, int]] = {}
        self._kinds: dict[str, tuple[CallFault, ...]] = {}
        self.draining = False
        self.money_came = False
        self.stalls = 0

    def messages_may_arrive(self) -> None:
        """One late message arrives, perhaps; holds come at the worst moment, which is when there is money again."""
        if self.money_came:
            self.money_came = False
            for index in reversed(range(len(self.calls.delayed))):
                if self.calls.delayed[index].call.operation == "place_hold" and self._chance.happens(0.5):
                    self._arrives(index)
        if self.calls.delayed and self._chance.happens(self._arrives_share):
            self.one_arrives()

    def one_arrives(self) -> None:
        """One of the late messages arrives now."""
        self._arrives(self._chance.below(len(self.calls.delayed)))

    def clear_up(self) -> None:
        """No more faults: but what was sent may still arrive at any moment, also in the middle of the last sweep."""
        self.draining = True
        self._arrives_share = self._chance.one_of((0.005, 0.02, 0.1))

    def _arrives(self, index: int) -> None:
        before, self._scheduler.runs = self._scheduler.runs, "late message"
        call = self.calls.deliver(index)
        self._say("", call)
        self._scheduler.runs = before

    def _fault_of(self, call: Call) -> CallFault | None:
        if self.draining:
            self.messages_may_arrive()
            self._say("", call)
            return None
        if self._chance.happens(self._stall_share):
            self.stalls += 1
            self._scheduler.sleep_ms(self._chance.below(STALLS_MS_MAX))
        else:
            self._scheduler.pause()
        fault = self._fault_now(call.operation)
        if fault is not None:
            self.counts[fault] += 1
        self._say(fault.name if fault is not None else "", call)
        return fault

    def _fault_now(self, operation: str) -> CallFault | None:
        if operation == "every_wallet" and CallFault.STALE in self._allowed and self._chance.happens(STALE_SHARE):
            return CallFault.STALE
        if operation == "post" and self._scheduler.now_ms in self._outage_ms:
            return CallFault.THROTTLE
        share = self._share * JOBS_SHARE if self._scheduler.runs.startswith(JOBS) else self._share
        if operation in self._spells:
            return self._of_spell(operation)
        if not self._chance.happens(share):
            return None
        fault = self._drawn(operation)
        if fault is not None and operation not in READS and self._chance.happens(self._spell_share):
            self._spells[operation] = fault, self._chance.between(1, SPELL_CALLS_MAX)
        return fault

    def _of_spell(self, operation: str) -> CallFault:
        """Faults come in spells, too: the same operation goes wrong again and again."""
        fault, left = self._spells.pop(operation)
        if left > 1:
            self._spells[operation] = fault, left - 1
        return fault

    def _drawn(self, operation: str) -> CallFault | None:
        kinds = self._kinds.get(operation)
        if kinds is None:
            kinds = tuple(fault for fault in faults_of(operation) if fault in self._allowed)
            self._kinds[operation] = kinds
        if not kinds:
            return None
        fault = self._chance.one_of(kinds)
        return fault if self._chance.happens(RARE.get(fault, 1.0)) else None

    def _say(self, what: str, call: Call) -> None:
        if self._trace is not None:
            self._trace(f"{call.operation}{_short(call.arguments)} {what}".rstrip())


def _short(arguments: tuple[object, ...]) -> str:
    return "(" + ", ".join(_name(argument) for argument in arguments) + ")"


def _name(argument: object) -> str:
    for name in ("request_id", "entry_id", "hold_id"):
        if hasattr(argument, name):
            return str(getattr(argument, name))
    text = str(argument)
    return text if len(text) <= 100 else text[:97] + "..."
