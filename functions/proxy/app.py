"""The application: every group of routes of the public API."""

from __future__ import annotations

from fastapi import FastAPI

from functions.proxy.routes import (
    chat,
    completions,
    document,
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
from functions.web.application import application

_INFERENCE = (chat, completions, embeddings, responses, messages)
_GROUPS = (*_INFERENCE, models, quotes, routes, wallets, ledger, receipts, key, keys, health, document)
TITLE = "Tokens Forge"
ROUTERS = tuple(group.router for group in _GROUPS)


def create_app(services: Services) -> FastAPI:
    """The application on these services. It does not know which door it stands behind."""
    return application(TITLE, ROUTERS, services, close=services.close)
