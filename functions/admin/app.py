"""The application: every group of routes of the admin API."""

from __future__ import annotations

from functools import cache

from fastapi import APIRouter, FastAPI

from functions.admin.routes import accounts, adjustments, audit, catalog, deployment, orders, pools, prices, reports
from functions.admin.services import Services
from functions.web.application import application
from tokens_forge.admin.audit import Log
from tokens_forge.wallets import WalletKind

TITLE = "Tokens Forge administration"

# Made once for each wallet's business, under /admin/v1/official and /admin/v1/routed.
_OF_EACH_WALLET = (catalog, prices, adjustments, orders, reports)
_OF_THE_DEPLOYMENT = (pools, accounts, deployment, audit)


@cache
def routers() -> tuple[APIRouter, ...]:
    """Every group of routes. They hold no services, so one process needs them once: FastAPI takes long to make them."""
    of_wallets = [group.router_of(kind) for kind in WalletKind for group in _OF_EACH_WALLET]
    return (*of_wallets, *(audit.router_of(log) for log in Log), *(group.router for group in _OF_THE_DEPLOYMENT))


def create_app(services: Services) -> FastAPI:
    """The application on these services."""
    return application(TITLE, routers(), services)
