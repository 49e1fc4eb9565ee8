"""Counters of limited keys as they are stored: never past a limit, and a slot that is lost comes back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.engines import Engine
from tests.unit.builders import NOW_MS
from tokens_forge.keys import KeyLimits
from tokens_forge.limits import MINUTE_MS, KeyUse, MinuteUse
from tokens_forge.store.limits import DynamoLimitStore


@pytest.fixture
def store(moto: Engine) -> DynamoLimitStore:
    return DynamoLimitStore(moto.client(), moto.table_names["FORGE_STATE_TABLE"])


def test_requests_are_counted_up_to_their_limit(store: DynamoLimitStore) -> None:
    limits = KeyLimits(requests_per_minute=2)
    uses = [store.count("key_a", 7, 10, limits) for _ in range(3)]
    assert uses == [MinuteUse(True, 1, 10), MinuteUse(True, 2, 20), MinuteUse(False, 2, 20)]
    assert store.count("key_a", 8, 10, limits).admitted and store.count("key_b", 7, 10, limits).admitted


def test_tokens_are_counted_up_to_their_limit(store: DynamoLimitStore) -> None:
    limits = KeyLimits(tokens_per_minute=100)
    assert store.count("key_a", 7, 60, limits) == MinuteUse(True, 1, 60)
    assert store.count("key_a", 7, 41, limits) == MinuteUse(False, 1, 60)
    assert store.count("key_a", 7, 40, limits) == MinuteUse(True, 2, 100)
    assert store.count("key_a", 8, 101, limits) == MinuteUse(False, 0, 0), "more than a whole minute's"


def test_both_limits_must_have_room(store: DynamoLimitStore) -> None:
    limits = KeyLimits(requests_per_minute=2, tokens_per_minute=100)
    assert store.count("key_a", 7, 90, limits).admitted and not store.count("key_a", 7, 20, limits).admitted
    assert store.count("key_a", 7, 5, limits).admitted and not store.count("key_a", 7, 5, limits).admitted


def test_slots_are_taken_up_to_their_number_and_given_back(store: DynamoLimitStore) -> None:
    assert store.take_slot("key_a", "one", NOW_MS + 9, 2, NOW_MS) and store.take_slot(
        "key_a", "two", NOW_MS + 9, 2, NOW_MS
    )
    assert not store.take_slot("key_a", "three", NOW_MS + 9, 2, NOW_MS)
    assert store.take_slot("key_b", "one", NOW_MS + 9, 2, NOW_MS)
    store.free_slot("key_a", "one")
    store.free_slot("key_a", "one")
    store.free_slot("key_c", "none")
    assert store.take_slot("key_a", "three", NOW_MS + 9, 2, NOW_MS)
    assert not store.take_slot("key_a", "four", NOW_MS + 9, 2, NOW_MS)


def test_what_a_key_has_used_is_read_without_using_any(store: DynamoLimitStore) -> None:
    assert store.use("key_a", NOW_MS) == KeyUse(0, 0, 0)
    store.count("key_a", NOW_MS // MINUTE_MS, 10, KeyLimits(requests_per_minute=9))
    store.count("key_a", NOW_MS // MINUTE_MS - 1, 70, KeyLimits(requests_per_minute=9))
    for name, until_ms in (("alive", NOW_MS + 1), ("expired", NOW_MS)):
        assert store.take_slot("key_a", name, until_ms, 2, NOW_MS - 1)
    assert [store.use("key_a", NOW_MS) for _ in range(2)] == [KeyUse(1, 10, 1)] * 2
    assert store.use("key_b", NOW_MS) == KeyUse(0, 0, 0)


def test_slots_that_expired_make_room(store: DynamoLimitStore) -> None:
    for name in ("one", "two"):
        assert store.take_slot("key_a", name, NOW_MS + 9, 2, NOW_MS)
    assert not store.take_slot("key_a", "three", NOW_MS + 20, 2, NOW_MS + 8)
    assert store.take_slot("key_a", "three", NOW_MS + 20, 2, NOW_MS + 9)
    assert store.take_slot("key_a", "four", NOW_MS + 20, 2, NOW_MS + 9)
    assert not store.take_slot("key_a", "five", NOW_MS + 20, 2, NOW_MS + 9)


class Meanwhile:
    """A client; before its n-th call of one operation somebody else acts."""

    def __init__(self, client: Any, operation: str, nth: int, act: Callable[[], object]) -> None:
        self._client, self._operation, self._calls_left, self._act = client, operation, nth, act

    def __getattr__(self, operation: str) -> Any:
        if operation == self._operation:
            self._calls_left -= 1
            if self._calls_left == 0:
                self._act()
        return getattr(self._client, operation)


def test_two_that_make_the_first_slots_at_once_both_get_one(moto: Engine, store: DynamoLimitStore) -> None:
    client = Meanwhile(moto.client(), "put_item", 1, lambda: store.take_slot("key_a", "other", NOW_MS + 9, 2, NOW_MS))
    racing = DynamoLimitStore(client, moto.table_names["FORGE_STATE_TABLE"])
    assert racing.take_slot("key_a", "one", NOW_MS + 9, 2, NOW_MS)
    assert not store.take_slot("key_a", "three", NOW_MS + 9, 2, NOW_MS), "the other one's slot was not forgotten"


def test_two_that_clear_the_same_expired_slot_share_what_it_leaves(moto: Engine, store: DynamoLimitStore) -> None:
    assert store.take_slot("key_a", "dead", NOW_MS + 1, 1, NOW_MS)
    late_ms = NOW_MS + 5
    # Its first update finds no room; before the second, which clears, the other one has cleared and taken the slot.
    client = Meanwhile(
        moto.client(), "update_item", 2, lambda: store.take_slot("key_a", "other", late_ms + 9, 1, late_ms)
    )
    racing = DynamoLimitStore(client, moto.table_names["FORGE_STATE_TABLE"])
    assert not racing.take_slot("key_a", "mine", late_ms + 9, 1, late_ms)
    store.free_slot("key_a", "other")
    assert racing.take_slot("key_a", "mine", late_ms + 9, 1, late_ms)
