"""What passing a stream through costs: CPU time of the gateway's own process for each chunk, kernel included.

The application runs in a process of its own, the provider and the client in this one. Each way is asked for streams of 100 and of
1,000 chunks, as an official client asks (so that the answer is kept for a retry); the difference is the price of 900 chunks, and
what a request costs once drops out. The provider sends as fast as it can. Exits non-zero when a chunk costs more than 50 µs.

A provider that pauses before each chunk lets the process sleep and wake in between. What that costs has no target: much of it is
the kernel and the event loop, as a relay shows that only copies bytes.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2 as httpx

from tests.support.behaviour import Behaviour
from tests.support.processes import LOOPBACK, running
from tests.support.upstream import Upstream
from tests.support.ways import WAYS, Way
from tokens_forge.endpoints import OPENAI, Endpoint

FEW, MANY = 100, 1_000
STREAMS, ROUNDS = 10, 5
CHUNK_US_MAX = 50.0
PAUSE_S = 0.002
CHAT = Way(Endpoint.CHAT, OPENAI)


class Measured:
    """The application under measurement, seen from outside."""

    def __init__(self, base_url: str, provider: Upstream) -> None:
        self._client = httpx.Client(base_url=base_url, timeout=60)
        self._provider = provider
        self._authorization = self._client.get("/measured").json()["authorization"]

    def chunk_us(self, way: Way, *, streams: int = STREAMS, rounds: int = ROUNDS, pause_s: float = 0.0) -> float:
        """Microseconds of CPU time for one chunk: the median of several rounds."""
        self._stream_us(way, FEW, 1, pause_s)
        slopes = []
        for _ in range(rounds):
            few_us, many_us = (self._stream_us(way, chunks, streams, pause_s) for chunks in (FEW, MANY))
            slopes.append((many_us - few_us) / (MANY - FEW))
        return statistics.median(slopes)

    def _stream_us(self, way: Way, chunks: int, streams: int, pause_s: float) -> float:
        """Microseconds of CPU time for one whole stream."""
        self._provider.default = Behaviour(text="word " * chunks, frame_delay_s=pause_s)
        before_ns = self._cpu_ns()
        for _ in range(streams):
            self._read(way, chunks)
        return (self._cpu_ns() - before_ns) / streams / 1000

    def _read(self, way: Way, chunks: int) -> None:
        headers = {"authorization": self._authorization, "x-stainless-retry-count": "0"}
        body = way.body(stream=True, limit=MANY, model=way.protocol)
        answer = self._client.post(way.endpoint.path, json=body, headers=headers)
        assert answer.status_code == 200 and answer.text.count("word ") >= chunks, answer.text[-500:]

    def _cpu_ns(self) -> int:
        return int(self._client.get("/measured").json()["cpu_ns"])


@contextmanager
def process(module: str, provider: Upstream) -> Iterator[Measured]:
    """A new process that serves a module of this folder."""
    with (
        tempfile.TemporaryDirectory(prefix="forge-throughput-") as folder,
        running(
            lambda port: [sys.executable, "-m", f"bench.{module}", str(port), provider.base_url],
            environment=lambda port: os.environ,
            ready=lambda port: httpx.get(f"http://{LOOPBACK}:{port}/measured").is_success,
            folder=Path(folder),
        ) as port,
    ):
        yield Measured(f"http://{LOOPBACK}:{port}", provider)


def main() -> int:
    """0 when the target is met."""
    worst_us = 0.0
    with (
        Upstream() as provider,
        process("streaming_app", provider) as application,
        process("bare_relay", provider) as relay,
    ):
        for way in (way for way in WAYS if way.streams):
            cost_us = application.chunk_us(way)
            worst_us = max(worst_us, cost_us)
            print(f"throughput: {way!s:32} {cost_us:6.1f} µs of CPU for each chunk")
        for name, measured in (("a gateway", application), ("a relay that only copies bytes", relay)):
            cost_us = measured.chunk_us(CHAT, streams=2, rounds=2, pause_s=PAUSE_S)
            print(f"throughput: {name:32} {cost_us:6.1f} µs when it sleeps before each chunk")
    print(f"throughput: the most expensive way {worst_us:.1f} µs (target: at most {CHUNK_US_MAX:.0f})")
    return 0 if worst_us <= CHUNK_US_MAX else 1


if __name__ == "__main__":
    sys.exit(main())
