"""A circuit store in memory, for unit tests: the same conditions as the DynamoDB one (tests/stores/test_circuits.py)."""

from __future__ import annotations

from dataclasses import replace

from tokens_forge.circuits import Circuit, CircuitKey


class CircuitsInMemory:
    """Implements `circuits.CircuitStore`, and counts what is done to it."""

    def __init__(self) -> None:
        self.circuits: dict[CircuitKey, Circuit] = {}
        self.reads = 0
        self.writes = 0

    def read_circuits(self) -> list[Circuit]:
        self.reads += 1
        return list(self.circuits.values())

    def count_failure(self, key: CircuitKey, now_ms: int, window_ms: int) -> Circuit:
        self.writes += 1
        circuit = self.circuits.get(key, Circuit(key))
        if circuit.window_started_ms > now_ms - window_ms:
            circuit = replace(circuit, failures=circuit.failures + 1)
        else:
            circuit = replace(circuit, failures=1, window_started_ms=now_ms)
        self.circuits[key] = circuit
        return circuit

    def open_circuit(self, seen: Circuit, opened_at_ms: int, open_until_ms: int) -> bool:
        self.writes += 1
        circuit = self.circuits.get(seen.key)
        if circuit is None or circuit.openings != seen.openings:
            return False
        self.circuits[seen.key] = replace(
            circuit,
            opened_at_ms=circuit.opened_at_ms or opened_at_ms,
            open_until_ms=open_until_ms,
            openings=circuit.openings + 1,
            trial_until_ms=0,
        )
        return True

    def take_trial(self, seen: Circuit, until_ms: int) -> bool:
        self.writes += 1
        circuit = self.circuits.get(seen.key)
        if circuit is None or (circuit.openings, circuit.trial_until_ms) != (seen.openings, seen.trial_until_ms):
            return False
        self.circuits[seen.key] = replace(circuit, trial_until_ms=until_ms)
        return True

    def close_circuit(self, key: CircuitKey) -> None:
        self.writes += 1
        self.circuits.pop(key, None)
