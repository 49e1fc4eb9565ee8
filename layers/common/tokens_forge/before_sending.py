"""Asking the store for something without which nothing may be sent to a provider."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from tokens_forge.errors import StoreUnavailable
from tokens_forge.store.port import StoreFault

Result = TypeVar("Result")


async def before_sending(work: Awaitable[Result]) -> Result:
    """What the store answers. Raises StoreUnavailable when it does not: nothing was sent, so the client may come back."""
    try:
        return await work
    except StoreFault as fault:
        raise StoreUnavailable(
            "The ledger did not answer. Nothing was sent to a provider.", headers={"retry-after": "1"}
        ) from fault
