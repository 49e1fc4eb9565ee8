"""What the routes work with: built once by `main`, handed to the application."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from functions.proxy.time_left import Deadlines
from functions.web.authorization import authorization_of
from tokens_forge.error_counts import ErrorCounts
from tokens_forge.gateway import Gateway
from tokens_forge.health_cache import HealthCache
from tokens_forge.identity import Identity
from tokens_forge.key_management import KeyManagement
from tokens_forge.retries.service import RetrySafety
from tokens_forge.statements import Statements
from tokens_forge.store.port import LedgerStore


@dataclass(frozen=True, slots=True)
class Services:
    """One of each, for the life of the process."""

    gateway: Gateway
    inference: RetrySafety
    ledger: LedgerStore
    statements: Statements
    keys: KeyManagement
    deadlines: Deadlines
    health: HealthCache
    error_counts: ErrorCounts
    close: Callable[[], Awaitable[None]]


def services(request: Request) -> Services:
    """The application's services."""
    found: Services = request.app.state.services
    return found


async def _identify(request: Request) -> Identity:
    return await services(request).gateway.identify_now(authorization_of(request))


Caller = Annotated[Identity, Depends(_identify)]
Served = Annotated[Services, Depends(services)]
