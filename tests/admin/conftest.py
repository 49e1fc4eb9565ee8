"""The admin API on moto, over real HTTP, with a key of every scope."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx2 as httpx
import pytest

from functions.admin.app import create_app
from functions.admin.compose import compose
from functions.admin.services import Services
from functions.admin.settings import Settings
from tests.checkout.shop import Fronts, Shop, open_fronts, open_shop
from tests.support.deployment import Deployment, KnownCredentials
from tests.support.http import PLAIN, documented
from tests.support.server import serve
from tokens_forge.admin.audit import Author
from tokens_forge.admin.keys import Scope
from tokens_forge.clock import SystemClock
from tokens_forge.providers.http import HttpUpstream

REASON = "because the test says so"


@dataclass(frozen=True)
class Admin:
    """Calls the admin API with one key."""

    base_url: str
    token: str | None
    key_id: str = ""

    def send(
        self, method: str, path: str, body: Any = None, *, version: int | None = None, **query: Any
    ) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.token}"} if self.token else {}
        if version is not None:
            headers["if-match"] = f'"{version}"'
        url = f"{self.base_url}/admin/v1{path}"
        return documented(httpx.request(method, url, headers=headers, json=body, params=query or None, **PLAIN))

    def get(self, path: str, **query: Any) -> Any:
        """The body of an answer that must be 200."""
        answer = self.send("GET", path, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def write(self, method: str, path: str, fields: dict[str, Any], *, version: int | None = None) -> httpx.Response:
        """A write that says why."""
        return self.send(method, path, {"reason": REASON, **fields}, version=version)


@dataclass(frozen=True)
class AdminDeployment:
    """The admin API beside the product that it administers."""

    product: Deployment
    shop: Shop
    settings: Settings
    services: Services
    base_url: str

    def key(self, *scopes: Scope, name: str = "test") -> Admin:
        """Somebody with a new admin key of these scopes."""
        author = Author("tests", "tests", "to test with")
        made = self.services.admin_keys.create(name, frozenset(scopes), 1, author)
        return Admin(self.base_url, made.token, made.key.key_id)


@pytest.fixture(scope="session")
def fronts() -> Iterator[Fronts]:
    with open_fronts() as made:
        yield made


@pytest.fixture
def administration(deployment: Deployment, fronts: Fronts) -> Iterator[AdminDeployment]:
    shop = open_shop(deployment, fronts)
    settings = Settings.from_environment(deployment.engine.environment())
    services = compose(
        settings,
        dynamodb=deployment.client,
        upstream=HttpUpstream,
        credentials=KnownCredentials(),
        clock=SystemClock(),
        refunding=lambda: shop.work.refunding,
    )
    with serve(create_app(services), lifespan="on") as url:
        yield AdminDeployment(deployment, shop, settings, services, url)


@pytest.fixture
def admin(administration: AdminDeployment) -> Admin:
    """Somebody who may do everything."""
    return administration.key(*Scope)
