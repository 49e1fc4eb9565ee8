"""How many errors customers met, by class, code and model, minute by minute: docs/decisions/0010 says why it is done like this.

Counts are kept in memory and written on the way of an error, at most once in ten seconds for each process: a request that works
costs nothing, and an error storm costs one write in ten seconds. A process that dies takes at most ten seconds of counts along.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Protocol

from anyio import move_on_after, to_thread

from tokens_forge.clock import Clock
from tokens_forge.errors import ErrorClass, ForgeError
from tokens_forge.ids import minute_of
from tokens_forge.store.port import StoreFault
from tokens_forge.wallets import WalletKind

FLUSH_MS = 10_000
FLUSH_WAIT_S = 0.5
SUBJECTS_MAX = 100
UNKNOWN_MODEL = "-"  # not named, or none of ours: what strangers send must not fill a table
OTHER_CODE = "other"

log = logging.getLogger("tokens_forge.error_counts")


@dataclass(frozen=True, slots=True)
class ErrorSubject:
    """What is counted together."""

    error_class: ErrorClass
    code: str
    model: str


Counts = Mapping[ErrorSubject, int]


class ErrorCountStore(Protocol):
    """Where counts are kept. `kind` None: the key was none of ours."""

    def add(self, kind: WalletKind | None, minute: str, counts: Counts) -> None:
        """Add to the counts of a UTC minute."""
        ...


class ErrorCounts:
    """One per process. It never breaks or holds up a request for long: an answer is worth more than its count."""

    def __init__(self, store: ErrorCountStore, is_model: Callable[[WalletKind, str], bool], clock: Clock) -> None:
        self._store = store
        self._is_model = is_model
        self._clock = clock
        self._lock = Lock()
        self._waiting: dict[tuple[WalletKind | None, str], Counter[ErrorSubject]] = {}
        self._flushed_at_ms = -FLUSH_MS

    async def note(self, kind: WalletKind | None, model: str | None, error: ForgeError) -> None:
        """Count an error, and write what is waiting when it is time."""
        now_ms = self._clock.now_ms()
        known = model if kind is not None and model is not None and self._is_model(kind, model) else UNKNOWN_MODEL
        subject = ErrorSubject(error.error_class, error.code or OTHER_CODE, known)
        with self._lock:
            counts = self._waiting.setdefault((kind, minute_of(now_ms)), Counter())
            if subject not in counts and len(counts) >= SUBJECTS_MAX:
                subject = ErrorSubject(error.error_class, OTHER_CODE, UNKNOWN_MODEL)
            counts[subject] += 1
            is_time = now_ms - self._flushed_at_ms >= FLUSH_MS
            if is_time:
                self._flushed_at_ms = now_ms
        if is_time:
            with move_on_after(FLUSH_WAIT_S):
                await to_thread.run_sync(self._flush, abandon_on_cancel=True)

    def _flush(self) -> None:
        with self._lock:
            waiting, self._waiting = self._waiting, {}
        for (kind, minute), counts in waiting.items():
            try:
                self._store.add(kind, minute, counts)
            except StoreFault:
                log.exception("errors were not counted", extra={"lost": counts.total()})
