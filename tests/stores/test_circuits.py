"""The circuit store on the shipped table: the same conditions as the one in memory that the unit tests use."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.circuits import CircuitsInMemory
from tests.support.engines import Engine
from tests.support.moto_engine import moto_engine
from tokens_forge.circuits import Circuit, CircuitKey
from tokens_forge.store.circuits import DynamoCircuitStore
from tokens_forge.wallets import WalletKind

NOW_MS = 1_790_000_000_000
KEYS = [CircuitKey(WalletKind.OFFICIAL, "first", "a/small#1"), CircuitKey(WalletKind.ROUTED, "first", "a/small#1")]


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with moto_engine() as made:
        yield made


@settings(max_examples=60, deadline=None)
@given(
    script=st.lists(
        st.tuples(
            st.sampled_from(["count", "count", "open", "trial", "close"]),
            st.sampled_from(KEYS),
            st.integers(0, 3),
            st.booleans(),
        ),
        max_size=25,
    )
)
def test_both_stores_give_the_same_answers(engine: Engine, script: list[tuple[str, CircuitKey, int, bool]]) -> None:
    store = DynamoCircuitStore(engine.client(), engine.table_names["FORGE_STATE_TABLE"])
    memory = CircuitsInMemory()
    for key in KEYS:
        store.close_circuit(key)
    for operation, key, step, stale in script:
        now_ms = NOW_MS + step * 20_000
        seen = Circuit(key) if stale else memory.circuits.get(key, Circuit(key))
        match operation:
            case "count":
                assert store.count_failure(key, now_ms, 30_000) == memory.count_failure(key, now_ms, 30_000)
            case "open":
                assert store.open_circuit(seen, now_ms, now_ms + 5) == memory.open_circuit(seen, now_ms, now_ms + 5)
            case "trial":
                assert store.take_trial(seen, now_ms + 9) == memory.take_trial(seen, now_ms + 9)
            case "close":
                store.close_circuit(key)
                memory.close_circuit(key)
        found = sorted(store.read_circuits(), key=lambda circuit: circuit.key.kind)
        assert found == sorted(memory.read_circuits(), key=lambda circuit: circuit.key.kind)


def test_a_trial_whose_time_is_over_is_taken_over_by_one_request_only(engine: Engine) -> None:
    store, key = DynamoCircuitStore(engine.client(), engine.table_names["FORGE_STATE_TABLE"]), KEYS[0]
    for other in KEYS:
        store.close_circuit(other)
    assert store.open_circuit(store.count_failure(key, NOW_MS, 30_000), NOW_MS, NOW_MS + 5)
    [untried] = store.read_circuits()
    assert store.take_trial(untried, NOW_MS + 9)
    [tried] = store.read_circuits()
    assert not store.take_trial(untried, NOW_MS + 20), "somebody else was first"
    assert store.take_trial(tried, NOW_MS + 20)
    assert not store.take_trial(tried, NOW_MS + 30), "its trial is not the one that was seen any more"
    [retried] = store.read_circuits()
    assert retried.trial_until_ms == NOW_MS + 20
