"""What a dead primary costs a request: once its circuit is open, and while it is still closed.

Both routes run in turn through the real gateway and real sockets: one leads to a provider that answers, the other has a primary
that hangs in front of it. Exits non-zero when the open circuit adds 5 ms or more at the 99th percentile.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time

from bench.gateways import OneGateway
from tests.support.behaviour import Behaviour, Break
from tests.support.upstream import Upstream

REQUESTS = 1500
ADDED_P99_MS_MAX = 5.0
FIRST_BYTE_S = 1.0


async def timed(gateway: OneGateway, model: str) -> float:
    """Milliseconds of one answered request."""
    began = time.perf_counter()
    await gateway.chat(model, stream=True)
    return (time.perf_counter() - began) * 1000


def percentile(values: list[float], share: float) -> float:
    """The value that this share of all values does not exceed."""
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]


async def run(gateway: OneGateway) -> bool:
    """Print the figures; whether the target is met."""
    closed = [await timed(gateway, "behind-dead") for _ in range(3)]
    pairs = [(await timed(gateway, "direct"), await timed(gateway, "behind-dead")) for _ in range(REQUESTS)]
    direct, behind = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    added_ms = percentile(behind, 0.99) - percentile(direct, 0.99)
    print(
        f"failover: circuit closed   {max(closed):8.1f} ms at most (the first-byte deadline is {FIRST_BYTE_S * 1000:.0f} ms)"
    )
    for name, values in (("direct", direct), ("behind a dead primary", behind)):
        print(f"failover: {name:24} p50 {percentile(values, 0.5):6.2f} ms   p99 {percentile(values, 0.99):6.2f} ms")
    print(f"failover: added at p99 by an open circuit {added_ms:.2f} ms (target: below {ADDED_P99_MS_MAX:.0f})")
    return added_ms < ADDED_P99_MS_MAX


def main() -> int:
    """0 when the target is met."""
    logging.disable(logging.ERROR)
    dead = Upstream(default=Behaviour(break_at=Break.HANG_BEFORE_HEADERS))
    with dead, Upstream(default=Behaviour(text="one two three")) as alive:
        routes = {"direct": [alive.base_url], "behind-dead": [dead.base_url, alive.base_url]}
        with OneGateway(routes, first_byte_s=FIRST_BYTE_S) as gateway:
            return 0 if asyncio.run(run(gateway)) else 1


if __name__ == "__main__":
    sys.exit(main())
