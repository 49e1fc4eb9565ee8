"""What the gateway itself costs: CPU, latency, memory. Everything is real except the distance: the shipped application under
uvicorn, its accounting in a local DynamoDB over HTTP, a provider over HTTP, each in a process of its own.

CPU seconds are the gateway process's own, so a busy machine changes them little. Latencies are compared with calling the provider
directly in the same run. Exits non-zero when a target is missed.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import Awaitable, Callable

import httpx2

from bench.figures import Figures
from bench.gateway_process import MODEL, RunningGateway, running_gateway

CALLS, STREAMS, AT_ONCE = 1_000, 1_000, 16
ONE_BY_ONE = 200
CPU_S_MAX = {"chat": 5.0, "stream": 8.0}  # for 1,000
FIRST_BYTE_MS_MAX = 3.0
MEMORY_MB_MAX = 150.0
_BODY = {"model": MODEL, "messages": [{"role": "user", "content": "Say a few words."}]}


async def chat(client: httpx2.AsyncClient) -> float:
    """Milliseconds of one whole answer."""
    began = time.monotonic_ns()
    answer = await client.post("/chat/completions", json=_BODY)
    assert answer.status_code == 200, answer.text
    return (time.monotonic_ns() - began) / 1e6


async def stream(client: httpx2.AsyncClient) -> float:
    """Read one stream; milliseconds from the provider's sending of its first piece to its arrival here."""
    delay_ms = None
    async with client.stream("POST", "/chat/completions", json=_BODY | {"stream": True}) as answer:
        assert answer.status_code == 200
        async for line in answer.aiter_lines():
            if delay_ms is None and '"content"' in line:
                sent = line.split('"content"')[1].split('"')[1]
                delay_ms = (time.monotonic_ns() - int(sent)) / 1e6
    assert delay_ms is not None and line is not None
    return delay_ms


async def many(
    one: Callable[[httpx2.AsyncClient], Awaitable[float]], client: httpx2.AsyncClient, count: int, at_once: int
) -> None:
    """`count` calls, `at_once` of them at any time."""
    left = iter(range(count))

    async def worker() -> None:
        for _ in left:
            await one(client)

    await asyncio.gather(*(worker() for _ in range(at_once)))


async def run(gateway: RunningGateway, figures: Figures) -> None:
    """Print the figures."""
    headers = {"authorization": f"Bearer {gateway.key}"}
    limits = httpx2.Limits(max_connections=AT_ONCE)
    async with (
        httpx2.AsyncClient(base_url=gateway.url, headers=headers, limits=limits, timeout=60, trust_env=False) as ours,
        httpx2.AsyncClient(
            base_url=gateway.upstream_url, headers=headers, limits=limits, timeout=60, trust_env=False
        ) as direct,
    ):
        for client in (ours, direct):  # caches and connections
            await many(chat, client, 50, AT_ONCE)
        before = gateway.cpu_s()
        await many(chat, ours, CALLS, AT_ONCE)
        figures.say("CPU of the gateway, 1,000 chat calls", gateway.cpu_s() - before, "s", CPU_S_MAX["chat"])
        before = gateway.cpu_s()
        await many(stream, ours, STREAMS, AT_ONCE)
        figures.say(
            "CPU of the gateway, 1,000 streams of 100 chunks", gateway.cpu_s() - before, "s", CPU_S_MAX["stream"]
        )
        figures.say("peak memory of the gateway", gateway.peak_memory_mb(), "MB", MEMORY_MB_MAX)

        pairs = [(await chat(direct), await chat(ours)) for _ in range(ONE_BY_ONE)]
        figures.say("a chat call directly, median", statistics.median(pair[0] for pair in pairs), "ms")
        figures.say("the same through the gateway, median", statistics.median(pair[1] for pair in pairs), "ms")
        first = [(await stream(direct), await stream(ours)) for _ in range(ONE_BY_ONE // 4)]
        added_ms = statistics.median(pair[1] - pair[0] for pair in first)
        figures.say("first byte: our own time after the provider's, median", added_ms, "ms", FIRST_BYTE_MS_MAX)


def main() -> int:
    """0 when every target is met."""
    figures = Figures("costs")
    with running_gateway() as gateway:
        asyncio.run(run(gateway, figures))
    return figures.end()


if __name__ == "__main__":
    sys.exit(main())
