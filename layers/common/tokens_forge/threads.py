"""Blocking calls that must run to their end: a hold, a settlement or a pool's slot is not given up half way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from anyio import CancelScope

Result = TypeVar("Result")

MONEY_THREADS = 32
ROUTING_THREADS = 32
_money = ThreadPoolExecutor(MONEY_THREADS, thread_name_prefix="money")
# Apart from the others, so that a busy pool of accounts never keeps a settlement waiting.
routing_threads = ThreadPoolExecutor(ROUTING_THREADS, thread_name_prefix="routing")


async def run_to_end(operation: Callable[[], Result], threads: ThreadPoolExecutor = _money) -> Result:
    """Run a blocking operation in a worker thread and return its result, also when this task is cancelled meanwhile.

    The cancellation is delivered again at the next await, so the caller can put the result where it will be cleaned up first.
    """
    interrupted = False
    with CancelScope(shield=True):  # keeps anyio's cancellations out; asyncio's own arrive below
        future = asyncio.get_running_loop().run_in_executor(threads, operation)
        while not future.done():
            try:
                await asyncio.wait([future])
            except asyncio.CancelledError:
                interrupted = True
    task = asyncio.current_task()
    if interrupted and task is not None:
        task.cancel()
    return future.result()
