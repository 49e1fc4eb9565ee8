"""The product with one of its rules about whole runs taken away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tests.faults.weakened import Weakened, by
from tests.faults.world import WatchedSettlement
from tokens_forge.intents import Held, Intent, Outcome
from tokens_forge.journal import Entry, EntryType, entry_id_of
from tokens_forge.settlement import Books, Settlement
from tokens_forge.settlement.runs import RunHolds
from tokens_forge.store.port import CloseHold
from tokens_forge.wallets import OpenHold


class StepTakesFromTheWallet(WatchedSettlement):
    """A step's hold is not taken out of the run's."""

    def hold(self, intent: Intent, auth_epoch: int) -> Held:
        return super().hold(replace(intent, part_of=None), auth_epoch)


class StepKeepsTheRest(WatchedSettlement):
    """What a step does not spend is available again, and not in the run's hold."""

    def settle(self, held: Held, outcome: Outcome) -> Entry:
        return super().settle(replace(held, intent=replace(held.intent, part_of=None)), outcome)


class StepNeedsItsRun(WatchedSettlement):
    """A step whose run has been ended meanwhile finds nowhere to give its rest back to."""

    def settle(self, held: Held, outcome: Outcome) -> Entry:
        run_id = held.intent.part_of
        if run_id is None:
            return super().settle(held, outcome)
        entry = self._request_entry(held, outcome)
        return self._books.post(
            entry, CloseHold(held.intent.request_id, held.hold_nano, -entry.wallet_nano, None, run_id)
        )


class RetryEndsNothing(WatchedSettlement):
    """A try whose answer is lost is left to itself."""

    def end_for_retry(self, request_id: str) -> bool:
        return False


class RetryLeavesTheWayOpen(WatchedSettlement):
    """A try whose answer is lost is ended, but its late answer is not barred."""

    def end_for_retry(self, request_id: str) -> bool:
        record = self._books.store.read_intent(request_id)
        assert record is not None
        self.close_abandoned(record)
        entry_id = entry_id_of(request_id, EntryType.REQUEST)
        entry = self._books.store.read_entry(record.intent.account_id, record.intent.kind, entry_id)
        return entry is not None and entry.wallet_nano != 0


class EndTrustsItsEntry(RunHolds):
    """Once the end is written, nobody looks whether the hold is still there, or there again."""

    def _release(self, ended: Entry, hold: OpenHold) -> bool:
        return True


def variants() -> list[Weakened]:
    """Each with the operation that shows it, and the least number of faults that it takes there."""
    return [
        Weakened("a step takes from the wallet", by(StepTakesFromTheWallet), "a run of two steps", 0),
        Weakened("a step keeps the rest", by(StepKeepsTheRest), "a run of two steps", 0),
        Weakened("a step needs its run", by(StepNeedsItsRun), "a step of a run that is ended meanwhile", 1),
        Weakened("a retry ends nothing", by(RetryEndsNothing), "a step of a run that is tried again", 0),
        Weakened("a retry leaves the way open", by(RetryLeavesTheWayOpen), "a step of a run that is tried again", 1),
        Weakened("the end trusts its entry", by(ends_by(EndTrustsItsEntry)), "a run of two steps", 1),
    ]


def ends_by(runs: Callable[[Books], RunHolds]) -> Callable[[Books], Settlement]:
    """Settlement with another way to end runs."""

    def make(books: Books) -> Settlement:
        settlement = WatchedSettlement(books)
        settlement.runs = runs(books)
        return settlement

    return make
