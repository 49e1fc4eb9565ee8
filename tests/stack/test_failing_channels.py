"""A primary that fails over real HTTP: backups serve, circuits open and close, and the receipt tells it."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest

from tests.support.behaviour import Behaviour, Break, error
from tests.support.deployment import Deployment, demo_channel
from tests.support.http import Api
from tests.support.upstream import Upstream
from tokens_forge.channels import Channel, Costs
from tokens_forge.circuits import FAILURES_TO_OPEN
from tokens_forge.pricing import UnitPrices
from tokens_forge.wallets import WalletKind

Route = tuple[Api, Upstream, Upstream]


@pytest.fixture
def route(deployment: Deployment, base_url: str, upstream: Upstream) -> Any:
    """A key, a primary and a backup."""
    with Upstream() as backup:
        deployment.route(demo_channel(upstream.base_url, "first"), demo_channel(backup.base_url, "second"))
        yield Api(base_url, deployment.key()), upstream, backup


def attempts(api: Api, response: Any) -> list[tuple[str, str]]:
    receipt = api.get(f"/receipts/{response.headers['x-forge-receipt-id']}").json()
    return [(attempt["channel"], attempt["outcome"]) for attempt in receipt["attempts"]]


def test_after_some_failures_the_primary_is_passed_over_and_then_tried_again(route: Route) -> None:
    api, primary, _ = route
    primary.script(*[error(500)] * FAILURES_TO_OPEN)
    for _ in range(FAILURES_TO_OPEN):
        assert attempts(api, api.chat()) == [("first", "http_500"), ("second", "ok")]
    passed_over = api.chat()
    assert attempts(api, passed_over) == [("first", "circuit_open"), ("second", "ok")]
    assert passed_over.headers["x-forge-backup-used"] == "true"
    assert len(primary.requests) == FAILURES_TO_OPEN
    time.sleep(2.1)
    assert attempts(api, api.chat()) == [("first", "ok")], "the trial worked, and the route is back to its primary"
    assert attempts(api, api.chat()) == [("first", "ok")]


def test_a_provider_that_asks_to_wait_is_left_alone_at_once(route: Route) -> None:
    api, primary, _ = route
    primary.script(error(429, retry_after="1"))
    assert attempts(api, api.chat()) == [("first", "http_429"), ("second", "ok")]
    assert attempts(api, api.chat()) == [("first", "circuit_open"), ("second", "ok")]
    time.sleep(1.1)
    assert attempts(api, api.chat()) == [("first", "ok")]


@pytest.mark.parametrize("wait", ["99999999999999999999", "1e9", "-1", "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_an_absurd_wait_is_no_wait(route: Route, wait: str) -> None:
    api, primary, _ = route
    primary.script(error(429, retry_after=wait))
    assert attempts(api, api.chat()) == [("first", "http_429"), ("second", "ok")]
    assert attempts(api, api.chat()) == [("first", "ok")]


def test_when_all_circuits_are_open_the_answer_says_when_to_come_back(
    deployment: Deployment, base_url: str, upstream: Upstream
) -> None:
    api = Api(base_url, deployment.key())
    upstream.script(error(503, retry_after="120"))
    assert api.chat().status_code == 503
    response = api.chat()
    assert response.status_code == 503 and response.json()["error"]["code"] == "no_healthy_route"
    assert 50 <= int(response.headers["retry-after"]) <= 60, "official SDKs ignore more than a minute"
    assert len(upstream.requests) == 1
    assert deployment.wallet().holds == {}


def test_a_primary_that_hangs_costs_one_first_byte_deadline_and_then_nothing(
    deployment: Deployment, route: Route
) -> None:
    api, primary, _ = route
    primary.script(*[Behaviour(break_at=Break.HANG_BEFORE_HEADERS)] * FAILURES_TO_OPEN)
    for _ in range(FAILURES_TO_OPEN):
        began = time.monotonic()
        response, events = api.stream()
        assert events[-1] == "[DONE]" and attempts(api, response)[0] == ("first", "timeout")
        assert 0.9 < time.monotonic() - began < 3, "the deadline of this deployment is one second"
    response, _ = api.stream()
    assert attempts(api, response) == [("first", "circuit_open"), ("second", "ok")]


def test_a_channel_that_breaks_streams_half_way_is_passed_over_too(route: Route) -> None:
    api, primary, _ = route
    primary.script(*[Behaviour(break_at=Break.CLOSE_MID_STREAM)] * FAILURES_TO_OPEN)
    for _ in range(FAILURES_TO_OPEN):
        response, events = api.stream()
        assert attempts(api, response) == [("first", "ok")] and "error" in events[-1], "never retried half way"
    assert attempts(api, api.chat()) == [("first", "circuit_open"), ("second", "ok")]


def test_the_callers_own_faults_are_not_held_against_a_channel(route: Route) -> None:
    api, primary, backup = route
    primary.script(*[error(400)] * (FAILURES_TO_OPEN + 2))
    for _ in range(FAILURES_TO_OPEN + 2):
        assert api.chat().status_code == 400
    assert attempts(api, api.chat()) == [("first", "ok")] and backup.requests == []


def test_a_circuit_of_one_wallet_says_nothing_about_the_other(
    deployment: Deployment, base_url: str, upstream: Upstream
) -> None:
    for kind in WalletKind:
        deployment.route(demo_channel(upstream.base_url, "same-name", kind=kind), kind=kind)
    from tokens_forge.keys import KeyKind

    official, routed = Api(base_url, deployment.key()), Api(base_url, deployment.key(KeyKind.ROUTED))
    upstream.script(error(429, retry_after="60"))
    assert official.chat().status_code == 503
    assert official.chat().status_code == 503 and routed.chat().status_code == 200


def with_costs(channel: Channel, output_nano: int, currency: str = "USD") -> Channel:
    return replace(channel, costs=Costs(currency, {"gpt-4o-mini": UnitPrices(0, 0, 0, output_nano)}))


def test_a_backup_that_costs_more_than_was_quoted_never_serves(
    deployment: Deployment, base_url: str, upstream: Upstream
) -> None:
    primary, dear = demo_channel(upstream.base_url, "first"), demo_channel(upstream.base_url, "dear")
    deployment.route(primary, with_costs(dear, 600_000_001))
    api = Api(base_url, deployment.key())
    upstream.script(error(500))
    response = api.chat()
    assert response.status_code == 503 and attempts(api, response) == [("first", "http_500")]
    shown = api.get("/models/gpt-4o-mini").json()["forge"]["route"]["channels"]
    assert [channel["channel"] for channel in shown] == ["first"], "nor is it shown as if it could"


@pytest.mark.parametrize("streamed", [False, True])
def test_what_the_provider_charges_us_is_booked_on_our_own_accounts(
    deployment: Deployment, base_url: str, upstream: Upstream, streamed: bool
) -> None:
    deployment.route(with_costs(demo_channel(upstream.base_url, "first"), 500_000_000))
    api = Api(base_url, deployment.key())
    response = api.stream()[0] if streamed else api.chat()
    receipt = api.get(f"/receipts/{response.headers['x-forge-receipt-id']}").json()
    assert "cost" not in str(receipt), "no customer sees it"
    done = deployment.scheduled().reconciliation.run()
    spent_nano = receipt["tokens"]["output"] * 500
    assert done.findings == [] and done.balances["USD"]["provider_cost"] == spent_nano > 0
    assert done.balances["USD"]["provider:first"] == -spent_nano
