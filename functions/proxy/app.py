"""The application: routes and the one error shape."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from functions.proxy import error_shape
from functions.proxy.middleware import Envelope
from functions.proxy.routes import (
    chat,
    completions,
    embeddings,
    health,
    key,
    keys,
    ledger,
    messages,
    models,
    quotes,
    receipts,
    responses,
    routes,
    wallets,
)
from functions.proxy.services import Services


def create_app(services: Services) -> FastAPI:
    """The application on these services. It does not know which door it stands behind."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await services.close()

    app = FastAPI(
        title="Tokens Forge",
        version="0.1.0",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    app.state.services = services
    inference = (chat, completions, embeddings, responses, messages)
    for group in (*inference, models, quotes, routes, wallets, ledger, receipts, key, keys, health):
        app.include_router(group.router)
    error_shape.install(app)
    app.add_middleware(Envelope)
    return app
