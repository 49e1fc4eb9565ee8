"""Pool members' state on real tables: the same as in memory, once whatever the network does, and never too many slots."""

from __future__ import annotations

import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from tests.support.calls import record
from tests.support.clocks import HandClock
from tests.support.dynamodb_faults import Fault, FaultyDynamoDB
from tests.support.engines import Engine
from tests.unit.pool_builders import member, pool
from tokens_forge.channels import QuotaWindow
from tokens_forge.clock import SystemClock
from tokens_forge.pool_members import MemberState, Slot, SlotEnd, bookings
from tokens_forge.pools import Lease, MemberStatus, PoolFull, Pools
from tokens_forge.repetition import RetryRule
from tokens_forge.store.pools import KEPT_S, DynamoPoolStore
from tokens_forge.store.port import StoreThrottled
from tokens_forge.store.simulated_pools import SimulatedPoolStore

STATE = "FORGE_STATE_TABLE"
WINDOWS = (QuotaWindow(5 * 3600, tokens_max=100_000, requests_max=500), QuotaWindow(7 * 24 * 3600, tokens_max=900_000))
POOL = pool(member("a", windows=WINDOWS), member("b", windows=WINDOWS))
ONE = pool(member("a", windows=WINDOWS))
NEVER_TRIED: frozenset[str] = frozenset()
FAULTS = [Fault.THROTTLE, Fault.CONFLICT, Fault.NO_CONNECTION, Fault.REPLY_LOST, Fault.TWICE]


def store_on(engine: Engine, clock: HandClock) -> DynamoPoolStore:
    return DynamoPoolStore(engine.client(), engine.table_names[STATE], clock)


@pytest.mark.parametrize("seed", range(3))
def test_any_sequence_of_operations_leaves_the_same_state_as_in_memory(moto: Engine, seed: int) -> None:
    clock, chance = HandClock(), random.Random(seed)
    stored, remembered = store_on(moto, clock), SimulatedPoolStore()
    answers: Counter[tuple[str, bool]] = Counter()
    for step in range(120):
        clock.pass_s(chance.randrange(2_000))
        name, now_ms = chance.choice("ab"), clock.now_ms()
        state = remembered.read_members("pool").get(name, MemberState())
        of, slot_id = POOL.members[0], chance.choice([*state.slots, "never taken"])
        match chance.choice(["take", "take", "end", "cool"]):
            case "take":
                wanted = state.as_of(of, now_ms).with_slot(f"slot{step}", Slot(now_ms + 5_000_000, step))
                version = max(state.version - chance.choice([0, 0, 0, 1]), 0)
                did = [each.write_member("pool", name, version, wanted) for each in (stored, remembered)]
                answers["take", did[0]] += 1
            case "end":
                end = SlotEnd(slot_id, now_ms, bookings(of, step, now_ms))
                worked = chance.random() < 0.5
                did = [each.end_slot("pool", name, end, worked=worked) for each in (stored, remembered)]
                answers["end", did[0]] += 1
            case _:
                end = SlotEnd(slot_id, now_ms, bookings(of, 0, now_ms))
                until_ms = now_ms + chance.randrange(10_000_000)
                did = [each.cool_member("pool", name, end, until_ms) for each in (stored, remembered)]
                answers["cool", did[0]] += 1
        assert did[0] == did[1]
        assert stored.read_members("pool") == remembered.read_members("pool")
    assert set(answers) == {(kind, done) for kind in ("take", "end", "cool") for done in (True, False)}


def test_pools_of_the_same_table_do_not_see_each_other(moto: Engine) -> None:
    store = store_on(moto, HandClock())
    assert store.write_member("pool", "a", 0, MemberState())
    assert store.read_members("pool-2") == {} and store.read_members("poo") == {}


def test_a_members_item_outlives_its_longest_window_and_then_expires(moto: Engine) -> None:
    clock = HandClock()
    store_on(moto, clock).write_member("pool", "a", 0, MemberState())
    [item] = moto.client().scan(TableName=moto.table_names[STATE])["Items"]
    assert (item["scope"]["S"], item["item"]["S"]) == ("pool#routed#pool", "a")
    assert int(item["expires_at"]["N"]) == clock.now_ms() // 1000 + KEPT_S
    assert KEPT_S > 31 * 24 * 3600 * 21 / 20


def test_a_pool_of_many_members_is_read_page_by_page(moto: Engine) -> None:
    client = moto.client()
    store = DynamoPoolStore(client, moto.table_names[STATE], HandClock())
    large = MemberState(version=1, slots={"x" * 300_000: Slot(10**13, 10**6)})  # a page holds 1 MB
    for number in range(5):
        assert store.write_member("pool", f"m{number}", 0, large)
    with record(client, observer=moto.client()) as calls:
        assert store.read_members("pool") == {f"m{number}": large for number in range(5)}
    assert calls.operations == ["Query", "Query"]


def test_a_request_costs_one_read_and_two_writes(moto: Engine) -> None:
    client, clock = moto.client(), HandClock()
    pools = Pools(DynamoPoolStore(client, moto.table_names[STATE], clock), clock, slot_lifetime_s=900)
    with record(client, observer=moto.client()) as calls:
        lease = pools.reserve(POOL, 5_000, "talk", NEVER_TRIED)
        pools.release(lease, 700)
    assert calls.operations == ["Query", "UpdateItem", "UpdateItem"]
    assert calls.all[0].parameters["ConsistentRead"] is True
    assert calls.write_units == 2


def test_a_member_with_full_windows_costs_two_units_a_write(moto: Engine) -> None:
    client, clock = moto.client(), HandClock()
    pools = Pools(DynamoPoolStore(client, moto.table_names[STATE], clock), clock, slot_lifetime_s=900)
    for pause_s in [3600] * (7 * 24) + [600] * 31:
        pools.release(pools.reserve(ONE, 5_000, "talk", NEVER_TRIED), 700)
        clock.pass_s(pause_s)
    with record(client, observer=moto.client()) as calls:
        pools.release(pools.reserve(ONE, 5_000, "talk", NEVER_TRIED), 700)
    assert [call.write_units for call in calls.all] == [0, 2, 2]


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.name for fault in FAULTS])
@pytest.mark.parametrize("at_call", range(4))
def test_whatever_happens_to_a_call_a_slot_is_taken_and_given_back_once(
    moto: Engine, fault: Fault, at_call: int
) -> None:
    clock = HandClock()
    client = FaultyDynamoDB(moto.client(), [None] * at_call + [fault])
    pools = Pools(DynamoPoolStore(client, moto.table_names[STATE], clock), clock, slot_lifetime_s=900)
    leases = [pools.reserve(ONE, 5_000, "talk", NEVER_TRIED)]  # calls 0 and 1
    assert [found.slots_used for found in status(moto, clock)] == [1]
    pools.release(leases[0], 700)  # call 2, or one later
    leases.append(pools.reserve(ONE, 5_000, "talk", NEVER_TRIED))
    pools.cool(leases[1], 429, 60)
    [found] = status(moto, clock)
    assert found.slots_used == 0 and found.cooling_until_ms is not None
    assert [limit.used for limit in found.limits] == [700, 2, 700]


def status(engine: Engine, clock: HandClock) -> list[MemberStatus]:
    return Pools(store_on(engine, clock), clock, slot_lifetime_s=900).status(ONE)


def test_a_table_that_refuses_everything_is_given_up_on(moto: Engine) -> None:
    clock = HandClock()
    client = FaultyDynamoDB(moto.client(), [Fault.THROTTLE] * 100)
    pools = Pools(
        DynamoPoolStore(client, moto.table_names[STATE], clock),
        clock,
        slot_lifetime_s=900,
        retry=RetryRule(tries_max=3),
    )
    with pytest.raises(StoreThrottled):
        pools.reserve(ONE, 5_000, "talk", NEVER_TRIED)
    assert len(client.seen) == 3


THREADS, SLOTS = 16, 3


@pytest.mark.parametrize("rounds", [8, pytest.param(100, marks=pytest.mark.proof)])
def test_sixteen_threads_never_hold_more_slots_than_a_member_has(concurrent_engine: Engine, rounds: int) -> None:
    clock, lock = SystemClock(), threading.Lock()
    unlimited = tuple(replace(window, tokens_max=10**9, requests_max=10**9) for window in WINDOWS)
    busy_pool = pool(*(member(name, slots=SLOTS, windows=unlimited) for name in ("a", "b")))
    holding: Counter[str] = Counter()
    highest: Counter[str] = Counter()
    used: Counter[str] = Counter()
    ended: Counter[str] = Counter()
    store = DynamoPoolStore(concurrent_engine.client(), concurrent_engine.table_names[STATE], clock)

    def hold(pools: Pools, lease: Lease, tokens: int) -> None:
        name = lease.member.member_id
        with lock:
            holding[name] += 1
            highest[name] = max(highest[name], holding[name])
            used[name] += tokens
            ended[name] += 1
        clock.sleep_ms(5)
        with lock:
            holding[name] -= 1
        pools.release(lease, tokens)

    def one_thread(number: int) -> int:
        pools, chance = Pools(store, clock, slot_lifetime_s=900), random.Random(number)
        served = 0
        for _ in range(rounds):
            try:
                lease = pools.reserve(busy_pool, 5_000, f"talk {number}", NEVER_TRIED)
            except PoolFull:
                clock.sleep_ms(10)
                continue
            hold(pools, lease, chance.randrange(5_000))
            served += 1
        return served

    with ThreadPoolExecutor(THREADS) as threads:
        served = sum(threads.map(one_thread, range(THREADS)))
    assert served >= THREADS and set(highest) == {"a", "b"}
    assert max(highest.values()) <= SLOTS
    found = Pools(store, clock, slot_lifetime_s=900).status(busy_pool)
    assert [each.slots_used for each in found] == [0, 0]
    for each in found:
        tokens, requests, tokens_of_week, requests_of_week = (limit.used for limit in each.limits)
        assert tokens == tokens_of_week == used[each.member_id]
        assert requests == requests_of_week == ended[each.member_id]
    assert sum(ended.values()) == served
