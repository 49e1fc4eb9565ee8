"""The sweeper: visits each old intent once, and ends what nobody else will end.

Old means: older than the longest possible run of the function that wrote it. Nothing breaks if that is wrong, because every step is
conditional: a request that is still running gets an entry of its own as a late one, and is charged once all the same. Two
sweepers at once are harmless too.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from tokens_forge.clock import Clock
from tokens_forge.ids import minute_of, time_ms_of_minute
from tokens_forge.settlement import Closing, Settlement
from tokens_forge.store.port import IntentRecord, LedgerStore

MINUTE_MS = 60_000
CURSOR = "sweeper"
LOOKS_MAX = 3  # at one intent, when the store changed under the sweeper
# Where a sweeper begins that has never run. What is older is found by its hold, by the reconciliation.
FIRST_SWEEP_BACK_MS = 3_600_000

log = logging.getLogger("tokens_forge.sweeper")


class CursorStore(Protocol):
    """Where the sweeper keeps how far it has come."""

    def read_cursor(self, name: str) -> str | None:
        """The cursor's value."""
        ...

    def write_cursor(self, name: str, value: str) -> None:
        """Set the cursor."""
        ...


@dataclass(slots=True)
class SweepReport:
    """What one run did. `lag_ms` is how far behind the newest old minute the cursor stands."""

    minutes: int = 0
    intents: int = 0
    lag_ms: int = 0
    closings: Counter[Closing] = field(default_factory=Counter)


class Sweeper:
    """Ends abandoned requests. Its methods block."""

    def __init__(
        self, settlement: Settlement, store: LedgerStore, cursors: CursorStore, clock: Clock, *, sweep_after_s: int
    ) -> None:
        self._settlement = settlement
        self._store = store
        self._cursors = cursors
        self._clock = clock
        self._sweep_after_ms = sweep_after_s * 1000

    def run(self, time_is_left: Callable[[], bool]) -> SweepReport:
        """Sweep minute after minute, from the cursor to the newest old minute, while there is time.

        The cursor moves on only after a whole minute: a run that dies is repeated, and repeating is harmless. Raises StoreFault
        when the store does not answer; the next run begins where this one stopped.
        """
        report = SweepReport()
        newest_ms = self._clock.now_ms() - self._sweep_after_ms - MINUTE_MS
        cursor = self._cursors.read_cursor(CURSOR)
        minute_ms = time_ms_of_minute(cursor) if cursor else newest_ms - FIRST_SWEEP_BACK_MS
        while minute_ms <= newest_ms and time_is_left():
            for record in self._store.minute_intents(minute_of(minute_ms)):
                self._close(record, report)
            minute_ms += MINUTE_MS
            report.minutes += 1
            self._cursors.write_cursor(CURSOR, minute_of(minute_ms))
        report.lag_ms = max(newest_ms - minute_ms, 0)
        return report

    def _close(self, record: IntentRecord, report: SweepReport) -> None:
        report.intents += 1
        for _ in range(LOOKS_MAX):
            closing = self._settlement.close_abandoned(record)
            if closing is not Closing.CHANGED_UNDER_US:
                break
        report.closings[closing] += 1
        if closing is Closing.CHANGED_UNDER_US:
            log.error("an abandoned request could not be ended", extra={"receipt_id": record.intent.request_id})
