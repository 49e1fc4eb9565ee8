"""Requests and tokens a minute, and requests at once: refused before anything is held, and told in the headers."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.support.behaviour import Behaviour, Break, error
from tests.support.clocks import MINUTE_MS, ShiftedClock
from tests.support.deployment import Deployment, deploy
from tests.support.engines import Engine
from tests.support.http import Api
from tests.support.server import serve
from tests.support.upstream import Upstream
from tokens_forge.keys import KeyLimits
from tokens_forge.wallets import WalletKind


def limited(deployment: Deployment, base_url: str, **limits: int) -> Api:
    return Api(base_url, deployment.key(limits=KeyLimits(**limits)))


def refused(response: Any, limit: str) -> bool:
    problem = response.json()["error"]
    assert problem["code"] == "rate_limit_exceeded" and problem["forge"] == {"class": "rate_limit", "limit": limit}
    return bool(response.status_code == 429 and 1 <= int(response.headers["retry-after"]) <= 60)


@pytest.fixture
def middle_of_a_minute(moto: Engine, upstream: Upstream) -> Any:
    """A deployment whose clock says the middle of a minute, so that no test crosses into the next."""
    clock = ShiftedClock()
    clock.shift_ms = MINUTE_MS // 3 - clock.now_ms() % MINUTE_MS
    deployment = deploy(moto, upstream.base_url, clock=clock, time_limit_s=300.0)
    deployment.fund(WalletKind.OFFICIAL, "10")
    with serve(deployment.app, lifespan="on") as url:
        yield deployment, url + "/v1", clock


def test_a_key_gets_its_requests_of_a_minute_and_then_those_of_the_next(
    middle_of_a_minute: Any, upstream: Upstream
) -> None:
    deployment, base_url, clock = middle_of_a_minute
    api = limited(deployment, base_url, requests_per_minute=3)
    left = [api.chat().headers["x-ratelimit-remaining-requests"] for _ in range(3)]
    assert left == ["2", "1", "0"]
    response = api.chat()
    assert refused(response, "requests_per_minute") and response.headers["x-ratelimit-limit-requests"] == "3"
    assert len(upstream.requests) == 3 and deployment.wallet().holds == {}
    clock.shift_ms += MINUTE_MS
    assert api.chat().status_code == 200


def test_tokens_are_counted_as_the_prompts_estimate_and_the_output_limit(middle_of_a_minute: Any) -> None:
    deployment, base_url, _ = middle_of_a_minute
    api = limited(deployment, base_url, tokens_per_minute=1000)
    first = api.chat(max_tokens=600)
    assert first.status_code == 200 and 300 < int(first.headers["x-ratelimit-remaining-tokens"]) < 400
    assert refused(api.chat(max_tokens=600), "tokens_per_minute")
    assert api.chat(max_tokens=100).status_code == 200, "what still fits is let through"
    assert refused(api.chat(max_tokens=5000), "tokens_per_minute"), "more than a whole minute's"


def test_parallel_requests_never_get_past_a_limit(middle_of_a_minute: Any, upstream: Upstream) -> None:
    deployment, base_url, _ = middle_of_a_minute
    api = limited(deployment, base_url, requests_per_minute=5)
    with ThreadPoolExecutor(16) as pool:
        statuses = sorted(pool.map(lambda _: api.chat().status_code, range(24)))
    assert statuses == [200] * 5 + [429] * 19 and len(upstream.requests) == 5


def test_requests_at_once_are_limited_and_a_slot_comes_back_however_a_request_ends(
    deployment: Deployment, base_url: str, upstream: Upstream
) -> None:
    api = limited(deployment, base_url, concurrent_requests=2)
    gate = threading.Event()
    upstream.script(Behaviour(gate=gate), Behaviour(gate=gate))
    with ThreadPoolExecutor(2) as pool:
        whole, streamed = pool.submit(api.chat), pool.submit(api.stream)
        upstream.wait_for(2)
        assert refused(api.chat(), "concurrent_requests")
        gate.set()
        assert whole.result().status_code == 200 and streamed.result()[1][-1] == "[DONE]"
    for ending in (
        error(500),
        error(400),
        Behaviour(break_at=Break.CLOSE_MID_STREAM),
    ):
        upstream.script(ending)
        api.stream()
    assert api.chat(model="gpt-99").status_code == 404
    with ThreadPoolExecutor(2) as pool:
        assert [response.status_code for response in pool.map(lambda _: api.chat(), range(2))] == [200, 200]


def test_a_slot_whose_request_died_comes_back_by_itself(middle_of_a_minute: Any) -> None:
    deployment, base_url, clock = middle_of_a_minute
    api = limited(deployment, base_url, concurrent_requests=1)
    key_id = api.get("/key").json()["id"]
    assert api.chat().status_code == 200
    deployment.client.update_item(
        TableName=deployment.settings.tables.state,
        Key={"scope": {"S": f"limit#{key_id}"}, "item": {"S": "slots"}},
        UpdateExpression="SET slots.dead = :until",
        ExpressionAttributeValues={":until": {"N": str(clock.now_ms() + 5_000)}},
    )
    assert refused(api.chat(), "concurrent_requests")
    clock.shift_ms += 5_001
    assert api.chat().status_code == 200


def test_a_request_refused_by_its_minute_gives_its_slot_back(middle_of_a_minute: Any) -> None:
    deployment, base_url, clock = middle_of_a_minute
    api = limited(deployment, base_url, concurrent_requests=1, requests_per_minute=1)
    assert api.chat().status_code == 200 and refused(api.chat(), "requests_per_minute")
    clock.shift_ms += MINUTE_MS
    assert api.chat().status_code == 200


def test_a_refused_hold_gives_its_slot_back(deployment: Deployment, base_url: str) -> None:
    poor = deployment.other_account()
    api = limited(poor, base_url, concurrent_requests=1)
    assert [api.chat().status_code for _ in range(3)] == [402] * 3


def test_a_key_without_limits_has_no_such_headers(deployment: Deployment, base_url: str) -> None:
    assert not [name for name in Api(base_url, deployment.key()).chat().headers if name.startswith("x-ratelimit")]
