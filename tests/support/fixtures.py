"""Fixtures for every test folder: `pytest_plugins = ["tests.support.fixtures"]` in the root conftest.

Processes live as long as the session, tables as long as one test. Under pytest-xdist every worker is a session of its
own, with its own processes on its own ports, started by the first test that asks: nothing is shared between workers,
so nothing has to be locked.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.support.dynamodb_local import NotInstalled, dynamodb_local_engine, dynamodb_local_server
from tests.support.engines import Engine
from tests.support.ministack import ministack_engine, ministack_server
from tests.support.moto_engine import moto_engine
from tests.support.upstream import Upstream

_LOCAL = pytest.param("dynamodb_local", marks=pytest.mark.engines)  # fetched, so not a part of `make test`
EVERY_ENGINE = ("moto", "ministack", _LOCAL)
CONCURRENT_ENGINES = ("ministack", _LOCAL)


@pytest.fixture
def moto() -> Iterator[Engine]:
    """The template's tables in process."""
    with moto_engine() as engine:
        yield engine


@pytest.fixture(scope="session")
def ministack_url() -> Iterator[str]:
    """One ministack per session (per xdist worker)."""
    with ministack_server() as base_url:
        yield base_url


@pytest.fixture
def ministack(ministack_url: str) -> Iterator[Engine]:
    """The template's tables in ministack."""
    with ministack_engine(ministack_url) as engine:
        yield engine


@pytest.fixture(scope="session")
def dynamodb_local_url() -> Iterator[str]:
    """One DynamoDB Local per session. Skips where it is not installed, unless FORGE_ENGINES_REQUIRED is set."""
    try:
        with dynamodb_local_server() as base_url:
            yield base_url
    except NotInstalled as missing:
        if os.environ.get("FORGE_ENGINES_REQUIRED"):
            pytest.fail(str(missing))
        pytest.skip(str(missing))


@pytest.fixture
def dynamodb_local(dynamodb_local_url: str) -> Iterator[Engine]:
    """The template's tables in AWS's own engine."""
    with dynamodb_local_engine(dynamodb_local_url) as engine:
        yield engine


@pytest.fixture(params=EVERY_ENGINE)
def every_engine(request: pytest.FixtureRequest) -> Engine:
    """The test runs once per engine."""
    engine: Engine = request.getfixturevalue(request.param)
    return engine


@pytest.fixture(params=CONCURRENT_ENGINES)
def concurrent_engine(request: pytest.FixtureRequest) -> Engine:
    """The test runs once per engine that really serves many threads at a time."""
    engine: Engine = request.getfixturevalue(request.param)
    return engine


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    """A scripted provider on a loopback port."""
    with Upstream() as provider:
        yield provider
