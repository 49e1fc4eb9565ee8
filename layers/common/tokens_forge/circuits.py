"""Circuits: one for each (channel, model), shared by all processes, and without a write while the channel is healthy.

A circuit opens after some failures within a window, or at once when the provider says how long to wait (429 with Retry-After).
While it is open the channel is not tried. When its time is over, one request is the trial: if it works the circuit closes and
the route is back to its primary, if not it stays open for longer. Every wait is short and bounded: a long fixed cooldown turns a
hiccup into an outage.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from tokens_forge.clock import Clock
from tokens_forge.wallets import WalletKind

FAILURES_TO_OPEN = 3
WINDOW_MS = 30_000
OPEN_FIRST_MS = 2_000
OPEN_MAX_MS = 60_000
ASKED_MIN_MS = 500
ASKED_MAX_MS = 300_000  # a provider that asks for more is tried again all the same
TRIAL_MS = 30_000
REFRESH_MS = 2_000


@dataclass(frozen=True, slots=True)
class CircuitKey:
    """What a circuit is about. Channels of the two wallets are different ones, whatever they are called."""

    kind: WalletKind
    channel_id: str
    model_id: str


@dataclass(frozen=True, slots=True)
class Circuit:
    """A circuit that has seen failures. `openings` counts how often it opened in a row; times are ms since 1970, 0 is never."""

    key: CircuitKey
    failures: int = 0
    window_started_ms: int = 0
    opened_at_ms: int = 0
    open_until_ms: int = 0
    trial_until_ms: int = 0
    openings: int = 0

    @property
    def is_open(self) -> bool:
        """Whether it has opened and not closed since."""
        return self.opened_at_ms > 0

    def waits(self, now_ms: int) -> bool:
        """Whether nobody may try the channel now."""
        return self.is_open and (now_ms < self.open_until_ms or now_ms < self.trial_until_ms)


class CircuitStore(Protocol):
    """Where circuits that have seen failures are kept."""

    def read_circuits(self) -> list[Circuit]:
        """All of them; a healthy channel has none."""
        ...

    def count_failure(self, key: CircuitKey, now_ms: int, window_ms: int) -> Circuit:
        """Count a failure, in a new window when the last one is over. Returns the circuit as it is then."""
        ...

    def open_circuit(self, seen: Circuit, opened_at_ms: int, open_until_ms: int) -> bool:
        """Open a circuit for some time, once more than `seen.openings`; False when another process did already."""
        ...

    def take_trial(self, seen: Circuit, until_ms: int) -> bool:
        """Be the one trial of an open circuit; False when another request is."""
        ...

    def close_circuit(self, key: CircuitKey) -> None:
        """Forget all failures."""
        ...


class Circuits:
    """This process's view of the circuits, at most two seconds old. Methods that block say so: run those in a worker thread."""

    def __init__(self, store: CircuitStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._known: dict[CircuitKey, Circuit] = {}
        self._read_at_ms = -REFRESH_MS

    def is_fresh(self) -> bool:
        """Whether the view is young enough to decide by."""
        return self._clock.now_ms() - self._read_at_ms < REFRESH_MS

    def refresh(self) -> None:
        """Read the circuits. Blocks."""
        read_at_ms = self._clock.now_ms()
        self._known = {circuit.key: circuit for circuit in self._store.read_circuits()}
        self._read_at_ms = read_at_ms

    def is_open(self, key: CircuitKey) -> bool:
        """Whether the channel may be tried by one request only, or by none."""
        known = self._known.get(key)
        return known is not None and known.is_open

    def wait_ms(self, key: CircuitKey) -> int:
        """How long until the channel may be tried; 0 when it may be now."""
        known = self._known.get(key)
        now_ms = self._clock.now_ms()
        if known is None or not known.waits(now_ms):
            return 0
        return max(known.open_until_ms, known.trial_until_ms) - now_ms

    def take_trial(self, key: CircuitKey) -> bool:
        """Whether this request is the one that tries an open circuit. Blocks."""
        known, now_ms = self._known.get(key), self._clock.now_ms()
        return known is None or (not known.waits(now_ms) and self._store.take_trial(known, now_ms + TRIAL_MS))

    def close(self, key: CircuitKey) -> None:
        """The trial worked. Blocks."""
        self._store.close_circuit(key)
        self._known.pop(key, None)

    def failed(self, key: CircuitKey, retry_after_s: int | None) -> None:
        """Count a failure, and open the circuit when it is time: at once when the provider said how long to wait. Blocks."""
        now_ms = self._clock.now_ms()
        circuit = self._store.count_failure(key, now_ms, WINDOW_MS)
        is_straggler = circuit.is_open and now_ms < circuit.open_until_ms  # it began before the circuit opened
        is_time = circuit.is_open or circuit.failures >= FAILURES_TO_OPEN or retry_after_s is not None
        if is_time and not is_straggler:
            if retry_after_s is not None:
                wait_ms = min(max(retry_after_s * 1000, ASKED_MIN_MS), ASKED_MAX_MS)
            else:
                wait_ms = min(OPEN_FIRST_MS * 2 ** min(circuit.openings, 10), OPEN_MAX_MS)
            self._store.open_circuit(circuit, now_ms, now_ms + wait_ms)
        self.refresh()
