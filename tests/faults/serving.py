"""Runs the real gateway in a world: one request, whole or streamed, whose client may go away."""

from __future__ import annotations

import asyncio
import json
import selectors
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any
from unittest import mock

from anyio import to_thread

from functions.proxy.event_stream import EventStream
from tests.faults.clocks import SkewedClock
from tests.faults.provider import Reply, ScriptedProvider
from tests.faults.world import ACCOUNT, START_MS, World
from tests.support.circuits import CircuitsInMemory
from tests.support.dynamodb_faults import Crash
from tests.support.limits import NoLimits
from tests.unit.builders import CHANNEL, catalog
from tokens_forge.attempts import Attempts, TimeLimits
from tokens_forge.catalog import Catalog, CatalogCache, Route
from tokens_forge.circuits import Circuits
from tokens_forge.errors import ForgeError
from tokens_forge.gateway import Answer, Gateway, StreamAnswer
from tokens_forge.identity import Authenticator
from tokens_forge.keys import Key, KeyKind, mint
from tokens_forge.limits import Limiter
from tokens_forge.pools import Pools
from tokens_forge.providers.wires import WIRES
from tokens_forge.requests.chat import parse_chat
from tokens_forge.routing import Router
from tokens_forge.store.simulated_pools import SimulatedPoolStore
from tokens_forge.wallets import WalletKind

BACKUP = "second"
_MINTED = mint(ACCOUNT, KeyKind.OFFICIAL, "test", now_ms=START_MS)
_LIMITED = mint(ACCOUNT, KeyKind.OFFICIAL, "limited", now_ms=START_MS, spend_limit_nano=1)


class _BusySelector(selectors.DefaultSelector):
    """Asks the kernel only when there is nothing else to do."""

    def select(self, timeout: float | None = None) -> Any:
        return [] if timeout == 0 else super().select(timeout)


class InlineLoop(asyncio.SelectorEventLoop):
    """Carries out at once what is meant for a worker thread, and delivers the result in the next turn, as a thread would."""

    def __init__(self) -> None:
        super().__init__(_BusySelector())

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]
        future = self.create_future()
        try:
            done = func(*args)
        except BaseException as raised:  # noqa: BLE001 - a crash comes out where the result is waited for
            self.call_soon(future.set_exception, raised)
        else:
            self.call_soon(future.set_result, done)
        return future


async def _in_the_loop(func: Callable[..., Any], *args: Any) -> Any:
    """Instead of anyio's worker threads: a run must go the same way each time."""
    return await asyncio.get_running_loop().run_in_executor(None, func, *args)


class Served:
    """One request, sent to a gateway in a new process each time it runs."""

    def __init__(
        self,
        *replies: Reply,
        stream: bool = False,
        limited: bool = False,
        backup: bool = False,
        client_reads_max: int | None = None,
        max_tokens: int | None = 1000,
        skew_ms: int = 0,
    ) -> None:
        self._replies = replies
        self._minted = _LIMITED if limited else _MINTED
        self._client_reads_max = client_reads_max
        self._skew_ms = skew_ms
        channels = {"first": CHANNEL}
        if backup:
            channels[BACKUP] = replace(CHANNEL, channel_id=BACKUP)
        self._catalog = catalog(channels=channels, routes={"small": Route("small", tuple(channels))})
        fields: dict[str, Any] = {"model": "small", "messages": [{"role": "user", "content": "hello"}]}
        if stream:
            fields |= {"stream": True, "stream_options": {"include_usage": True}}
        if max_tokens:
            fields["max_tokens"] = max_tokens
        self.request = parse_chat(fields)

    @property
    def key_id(self) -> str:
        return self._minted.key.key_id

    @property
    def is_behind(self) -> bool:
        """Whether this gateway's clock is slow, so that the sweeper has passed where its intents are written."""
        return self._skew_ms < 0

    def __call__(self, world: World) -> None:
        """Serve the request. Raises Crash when the process died."""
        loop = world.loop(InlineLoop)
        task = loop.create_task(self._serve(world))

        def cancel() -> None:
            loop.call_soon_threadsafe(task.cancel)

        world.cancel = cancel
        try:
            with mock.patch.object(to_thread, "run_sync", _in_the_loop):
                loop.run_until_complete(task)
        except (ForgeError, asyncio.CancelledError) as raised:
            world.told.append(type(raised).__name__)

    def _serve(self, world: World) -> Coroutine[Any, Any, None]:
        gateway = self._gateway(world)
        return self._answer(world, gateway)

    async def _answer(self, world: World, gateway: Gateway) -> None:
        deadline_ms = world.clock.now_ms() + self._skew_ms + 60_000
        answer = await gateway.infer(f"Bearer {self._minted.token}", self.request, deadline_ms)
        if isinstance(answer, Answer):
            world.told.append(answer.body["forge_receipt"])
        else:
            await self._stream(world, answer)

    async def _stream(self, world: World, answer: StreamAnswer) -> None:
        sent = 0

        async def send(message: Any) -> None:
            nonlocal sent
            await asyncio.sleep(0)
            if sent == self._client_reads_max:
                raise OSError
            sent += 1
            for event in message.get("body", b"").split(b"\n\n"):
                if b"forge_receipt" in event:
                    world.told.append(json.loads(event.removeprefix(b"data: "))["forge_receipt"])

        async def receive() -> Any:
            await asyncio.get_running_loop().create_future()

        try:
            await EventStream(answer)({"type": "http"}, receive, send)
        except BaseExceptionGroup as group:
            # The task group around the stream wraps what ended it.
            raise _only(group) from None

    def _gateway(self, world: World) -> Gateway:
        clock = SkewedClock(world.clock, self._skew_ms)
        catalogs = CatalogCache(_Fixed(self._catalog), clock)
        catalogs.read(WalletKind.OFFICIAL)
        # Proven before, and still in the cache: who calls is not what dies here.
        authenticator = Authenticator(_Keys(self._minted.key), world.store, clock)
        token = authenticator.token_of(f"Bearer {self._minted.token}")
        authenticator.prove(token)
        provider = ScriptedProvider(world, self._replies)
        circuits = Circuits(CircuitsInMemory(), clock)
        circuits.refresh()
        return Gateway(
            authenticator=authenticator,
            catalogs=catalogs,
            settlement=world.settlement(clock),
            limiter=Limiter(NoLimits(), clock),
            router=Router(circuits, Pools(SimulatedPoolStore(), clock, slot_lifetime_s=900), clock),
            attempts=Attempts(provider, _Credentials(), WIRES, TimeLimits(), clock, loopback_allowed=False),
            clock=clock,
        )


def _only(group: BaseExceptionGroup[BaseException]) -> BaseException:
    crashes, _ = group.split(Crash)
    first = (crashes or group).exceptions[0]
    return _only(first) if isinstance(first, BaseExceptionGroup) else first


class _Fixed:
    def __init__(self, fixed: Catalog) -> None:
        self._fixed = fixed

    def read_catalog(self, kind: WalletKind) -> Catalog:
        return self._fixed


class _Keys:
    def __init__(self, key: Key) -> None:
        self._key = key

    def read_key(self, account_id: str, key_id: str) -> Key | None:
        return self._key


class _Credentials:
    def fresh(self, name: str) -> str | None:
        return "secret"

    def read(self, name: str) -> str:
        return "secret"

    def forget(self, name: str) -> None:
        """Nothing to forget."""
