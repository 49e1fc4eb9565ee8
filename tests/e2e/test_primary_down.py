"""Under `make run`: the routed primary is stopped and started again; the routes say so, and calls go where they should.

Needs a running stack, and takes about seven minutes of the scheduler's ticks: `make run`, then `make test-running`.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from local import dotenv, processes, services
from local.settings import ENV_FILE
from tests.support.http import Api

pytestmark = pytest.mark.running

TICK_S = 60
MODEL = "gpt-4o-mini"


@pytest.fixture
def routed() -> Iterator[Api]:
    """The running stack, with the routed demo key. Leaves the primary running, whatever happens."""
    if len(services.running()) < len(services.STOP_ORDER):
        pytest.fail("the stack is not running: `make run` starts it")
    values = dotenv.read(ENV_FILE)
    yield Api(values["OPENAI_BASE_URL"], values["FORGE_ROUTED_KEY"])
    turn_primary("start")


def turn_primary(word: str) -> None:
    """`make stop-primary` or `make start-primary`."""
    done = subprocess.run(  # noqa: S603 - our own command line
        [sys.executable, "-m", "local.primary", word], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    print(done.stdout.strip())


def channels(api: Api) -> dict[str, dict[str, Any]]:
    """The channels of the model's route, by role."""
    routes = {route["model"]: route for route in api.get("/routes").json()["data"]}
    return {channel["role"]: {**channel, "route": routes[MODEL]["health"]} for channel in routes[MODEL]["channels"]}


def called(api: Api) -> dict[str, Any]:
    """One call, and its receipt."""
    answer = api.chat(model=MODEL)
    assert answer.status_code == 200, answer.text
    receipt: dict[str, Any] = api.get(f"/receipts/{answer.headers['x-forge-receipt-id']}").json()
    assert answer.headers["x-forge-backup-used"] == str(receipt["backup_used"]).lower()
    return receipt


def wait(what: str, reached: Callable[[], bool], within_s: float, beside: Callable[[], object] | None = None) -> float:
    """Wait, doing something else each second meanwhile. Returns the seconds it took."""
    began = time.monotonic()
    while not reached():
        assert time.monotonic() - began < within_s, f"{what}: not within {within_s} s"
        if beside is not None:
            beside()
        time.sleep(1)
    took_s = time.monotonic() - began
    print(f"{what}: after {took_s:.0f} s")
    return took_s


@pytest.mark.parametrize("with_traffic", [True, False], ids=["with traffic", "idle"])
def test_a_stopped_primary_is_seen_is_replaced_and_comes_back(routed: Api, *, with_traffic: bool) -> None:
    # Beside the ten seconds for which the doors keep what they have read, and a tick's own time.
    slack_s = 15
    beside = (lambda: called(routed)) if with_traffic else None
    wait("healthy before", lambda: channels(routed)["primary"]["health"] == "healthy", 8 * TICK_S + slack_s)
    assert called(routed)["backup_used"] is False

    turn_primary("stop")
    assert processes.running(services.SANDBOX_PRIMARY) is None
    wait("not healthy", lambda: channels(routed)["primary"]["health"] != "healthy", 2 * TICK_S + slack_s, beside)
    wait("down", lambda: channels(routed)["primary"]["health"] == "down", TICK_S + slack_s, beside)
    found = channels(routed)
    assert found["backup"]["health"] == found["primary"]["route"] == "healthy", "the route still serves"
    receipt = called(routed)
    assert receipt["backup_used"] is True and receipt["route"] == "routed-backup"
    assert [attempt["channel"] for attempt in receipt["attempts"]] == ["routed-primary", "routed-backup"]
    print("attempts:", [(attempt["channel"], attempt["outcome"]) for attempt in receipt["attempts"]])

    turn_primary("start")
    wait("calls are back on the primary", lambda: called(routed)["backup_used"] is False, 2 * TICK_S)
    wait("healthy again", lambda: channels(routed)["primary"]["health"] == "healthy", 4 * TICK_S + slack_s, beside)
