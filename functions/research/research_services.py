"""What the research routes work with: built once by `main`, handed to the application."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from functions.research.run_service import RunService
from functions.research.run_store import RunStore
from functions.research.texts import Texts
from functions.web.authorization import authorization_of
from tokens_forge.clock import Clock
from tokens_forge.errors import KeyNotPermitted
from tokens_forge.gateway import Gateway
from tokens_forge.identity import Identity
from tokens_forge.store.port import LedgerStore


@dataclass(frozen=True, slots=True)
class ResearchServices:
    """One of each, for the life of the process."""

    gateway: Gateway
    ledger: LedgerStore
    runs: RunStore
    texts: Texts
    service: RunService
    clock: Clock
    close: Callable[[], Awaitable[None]]


def _services(request: Request) -> ResearchServices:
    found: ResearchServices = request.app.state.services
    return found


async def _identify(request: Request) -> Identity:
    return await _services(request).gateway.identify_now(authorization_of(request))


Reader = Annotated[Identity, Depends(_identify)]  # any key of the account


async def _spender(caller: Reader) -> Identity:
    if caller.key.kind.wallet is None:
        raise KeyNotPermitted("A management key spends nothing: research runs on an official or a routed key.")
    return caller


Spender = Annotated[Identity, Depends(_spender)]
Served = Annotated[ResearchServices, Depends(_services)]
