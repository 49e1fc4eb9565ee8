"""The research application: what a run costs, runs, reports."""

from __future__ import annotations

from fastapi import FastAPI

from functions.research import routes_of_prices, routes_of_runs
from functions.research.research_services import ResearchServices
from functions.web.application import application


def create_app(services: ResearchServices) -> FastAPI:
    """The application on these services."""
    routers = [routes_of_prices.router, routes_of_runs.router]
    return application("Tokens Forge research", routers, services, close=services.close)
