"""A FastAPI application as every function serves it: routes, the one error shape, the envelope of every answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI

from functions.web import error_shape
from functions.web.envelope import Envelope


def application(
    title: str, routers: Iterable[APIRouter], services: object, *, close: Callable[[], Awaitable[None]] | None = None
) -> FastAPI:
    """The application on these services, which routes find as `request.app.state.services`. `close` runs at the end."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        if close is not None:
            await close()

    app = FastAPI(
        title=title,
        version="0.1.0",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    app.state.services = services
    # The routes themselves, not `include_router`: that makes every route a second time, when the first request comes.
    app.router.routes += [route for router in routers for route in router.routes]
    error_shape.install(app)
    app.add_middleware(Envelope)
    return app
