"""The application: every group of routes under /v1/checkout."""

from __future__ import annotations

from fastapi import FastAPI

from functions.checkout.routes import offers, orders, pages, receipts, webhooks
from functions.checkout.services import Services
from functions.web.application import application

_GROUPS = (offers, orders, receipts, pages, webhooks)


def create_app(services: Services) -> FastAPI:
    """The application on these services."""
    return application("Tokens Forge checkout", [group.router for group in _GROUPS], services)
