"""The shared limit holds over every client of a deployment; the cache forgets in time and never fails a run."""

from __future__ import annotations

import random
from typing import Any

from botocore.exceptions import ClientError

from functions.research.sources.shared import CACHED_BYTES_MAX, DynamoCache, DynamoRateLimit
from tests.support.clocks import HandClock
from tests.support.engines import Engine


class Broken:
    """A table that answers nothing but a fault."""

    def __getattr__(self, name: str) -> Any:
        def fail(**_: Any) -> None:
            raise ClientError({"Error": {"Code": "ThrottlingException"}, "ResponseMetadata": {}}, name)

        return fail


def limit(moto: Engine) -> DynamoRateLimit:
    return DynamoRateLimit(moto.client(), moto.table_names["FORGE_STATE_TABLE"], "edgar", vendor_requests_per_s=10)


def test_no_second_of_the_vendor_sees_more_than_it_allows(moto: Engine) -> None:
    several = [limit(moto) for _ in range(3)]
    clock, sent = HandClock(1_790_000_000_300), []
    for number in range(40):
        assert several[number % 3].wait(clock, 20_000)
        sent.append(clock.now_ms())
        clock.sleep_ms(20)
    for begin in sent:
        assert sum(begin <= time < begin + 1000 for time in sent) <= 10


def test_who_gets_no_turn_in_time_is_told_so(moto: Engine) -> None:
    clock = HandClock(1_790_000_000_000)
    granted = [limit(moto).wait(clock, 0) for _ in range(6)]
    assert granted == [True] * 5 + [False]
    assert clock.now_ms() == 1_790_000_000_000


def test_without_an_answer_of_the_table_there_is_no_leave() -> None:
    assert not DynamoRateLimit(Broken(), "state", "edgar", vendor_requests_per_s=10).wait(HandClock(), 1500)


def test_what_is_kept_is_read_until_its_time(moto: Engine) -> None:
    cache = DynamoCache(moto.client(), moto.table_names["FORGE_STATE_TABLE"])
    cache.keep("key", b"content" * 1000, 5_000_000)
    assert cache.read("key", 4_999_000) == b"content" * 1000
    assert cache.read("key", 5_000_000) is None
    assert cache.read("other", 0) is None


def test_what_is_too_large_is_not_kept(moto: Engine) -> None:
    cache = DynamoCache(moto.client(), moto.table_names["FORGE_STATE_TABLE"])
    cache.keep("key", random.Random(1).randbytes(CACHED_BYTES_MAX + 1), 5_000_000)
    assert cache.read("key", 0) is None


def test_a_cache_that_fails_is_a_miss() -> None:
    cache = DynamoCache(Broken(), "state")
    cache.keep("key", b"content", 5_000_000)
    assert cache.read("key", 0) is None
