"""Routing over a pool: a slot is given back whatever cancels its request, and a failing store stops no request."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable

import pytest

from tests.support.clocks import HandClock
from tests.unit.builders import MODEL, PRICE
from tests.unit.pool_builders import member, pool
from tokens_forge.channels import Channel
from tokens_forge.circuits import Circuit, CircuitKey, Circuits
from tokens_forge.endpoints import Endpoint
from tokens_forge.intents import Outcome
from tokens_forge.journal import SettlementReason, UsageSource
from tokens_forge.policy import Offer
from tokens_forge.pool_members import MemberState, SlotEnd
from tokens_forge.pools import Pools
from tokens_forge.pricing import Usage
from tokens_forge.quotes import Quote, quote
from tokens_forge.requests.inference import InferenceRequest
from tokens_forge.routing import AttemptFailed, Routed, Router, Target
from tokens_forge.store.port import StoreFault
from tokens_forge.store.simulated_pools import SimulatedPoolStore
from tokens_forge.wallets import WalletKind

POOL = pool(member("a", windows=()))


class NoCircuits:
    """Nothing fails here."""

    def read_circuits(self) -> list[Circuit]:
        return []

    def count_failure(self, key: CircuitKey, now_ms: int, window_ms: int) -> Circuit:
        raise AssertionError(key)

    def open_circuit(self, seen: Circuit, opened_at_ms: int, open_until_ms: int) -> bool:
        raise AssertionError(seen)

    def take_trial(self, seen: Circuit, until_ms: int) -> bool:
        raise AssertionError(seen)

    def close_circuit(self, key: CircuitKey) -> None:
        raise AssertionError(key)


class Gated(SimulatedPoolStore):
    """A store whose next write waits for a test."""

    def __init__(self) -> None:
        super().__init__()
        self.reached, self.go_on = threading.Event(), threading.Event()
        self.go_on.set()
        self.is_broken = self.is_silent = False

    def read_members(self, channel_id: str) -> dict[str, MemberState]:
        if self.is_silent:
            raise StoreFault("no answer")
        return super().read_members(channel_id)

    def wait_at_next_write(self) -> None:
        self.reached.clear()
        self.go_on.clear()

    def write_member(self, channel_id: str, member_id: str, seen_version: int, state: MemberState) -> bool:
        self._wait()
        return super().write_member(channel_id, member_id, seen_version, state)

    def end_slot(self, channel_id: str, member_id: str, end: SlotEnd, *, worked: bool) -> bool:
        self._wait()
        return super().end_slot(channel_id, member_id, end, worked=worked)

    def cool_member(self, channel_id: str, member_id: str, end: SlotEnd, until_ms: int) -> bool:
        if self.is_broken:
            raise StoreFault("not kept")
        return super().cool_member(channel_id, member_id, end, until_ms)

    def _wait(self) -> None:
        self.reached.set()
        assert self.go_on.wait(5)

    def slots_used(self) -> int:
        return len(self.read_members("pool")["a"].slots) if self.read_members("pool") else 0


@pytest.fixture
def store() -> Gated:
    return Gated()


@pytest.fixture
def router(store: Gated) -> Router:
    clock = HandClock()
    return Router(Circuits(NoCircuits(), clock), Pools(store, clock, slot_lifetime_s=900), clock)


def quoted(channel: Channel = POOL) -> Quote:
    offer = Offer(WalletKind.ROUTED, MODEL, PRICE, (channel,), (Endpoint.CHAT,))
    return quote(offer, InferenceRequest(Endpoint.CHAT, {}, MODEL.model_id, text_bytes=10))


async def answers(target: Target) -> str:
    await asyncio.sleep(0)
    return f"served with {target.credential}"


def routing(router: Router, attempt: Callable[[Target], Awaitable[str]]) -> asyncio.Task[Routed[str]]:
    return asyncio.get_running_loop().create_task(router.first_that_answers(quoted(), lambda: "talk", attempt))


async def cancelled_at_the_gate(store: Gated, task: asyncio.Task[None] | asyncio.Task[Routed[str]]) -> None:
    """Cancel a task while its write is under way, as a server does that stops."""
    await asyncio.to_thread(store.reached.wait, 5)
    task.cancel()
    await asyncio.sleep(0.01)
    store.go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_a_request_that_is_cancelled_while_its_slot_is_taken_gives_it_back(router: Router, store: Gated) -> None:
    async def cancelled() -> None:
        store.wait_at_next_write()
        await cancelled_at_the_gate(store, routing(router, answers))

    asyncio.run(cancelled())
    assert store.read_members("pool") and store.slots_used() == 0


def test_a_request_that_is_cancelled_while_it_waits_for_its_provider_gives_the_slot_back(
    router: Router, store: Gated
) -> None:
    async def cancelled() -> None:
        called = asyncio.Event()

        async def hangs(target: Target) -> str:
            called.set()
            await asyncio.Event().wait()
            raise AssertionError(target)

        task = routing(router, hangs)
        await called.wait()
        assert store.slots_used() == 1
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    assert store.slots_used() == 0


@pytest.mark.parametrize("at", ["before", "meanwhile"])
def test_a_request_that_is_cancelled_as_it_ends_gives_its_slot_back(router: Router, store: Gated, at: str) -> None:
    async def cancelled() -> None:
        routed = await routing(router, answers)
        assert routed.result == "served with secret-a" and routed.serving is not None and store.slots_used() == 1
        serving = routed.serving

        async def ends() -> None:
            task = asyncio.current_task()
            if at == "before" and task is not None:
                task.cancel()  # as a settlement does that was interrupted, once it is through
            usage = Usage(input=1, output=2)
            await serving.ended(Outcome(SettlementReason.COMPLETED, usage, UsageSource.PROVIDER, routed.attempts))
            await asyncio.sleep(1)

        store.wait_at_next_write()
        await cancelled_at_the_gate(store, asyncio.get_running_loop().create_task(ends()))

    asyncio.run(cancelled())
    assert store.slots_used() == 0


def test_a_cooling_that_was_not_kept_leads_to_another_member_all_the_same(router: Router, store: Gated) -> None:
    asked: list[str] = []

    async def refused(target: Target) -> str:
        asked.append(target.credential)
        raise AttemptFailed("http_429", status=429, retry_after_s=60)

    store.is_broken = True
    both = pool(member("a", windows=()), member("b", windows=()))
    routed = asyncio.run(router.first_that_answers(quoted(both), lambda: "talk", refused))
    assert sorted(asked) == ["secret-a", "secret-b"]
    assert [attempt.outcome for attempt in routed.attempts] == ["http_429", "http_429"] and routed.retry_after_s == 60


def test_a_pool_whose_state_does_not_answer_is_passed_over(router: Router, store: Gated) -> None:
    store.is_silent = True
    routed = asyncio.run(router.first_that_answers(quoted(), lambda: "talk", answers))
    assert [attempt.outcome for attempt in routed.attempts] == ["pool_unknown"] and routed.result is None
