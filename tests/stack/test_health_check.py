"""The health check on the real tables and over real HTTP: traffic first, then a probe, and no customer ever pays for one."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest

from tests.support.behaviour import Behaviour, Break, error, html, redirect
from tests.support.clocks import MINUTE_MS, ShiftedClock
from tests.support.deployment import CREDENTIAL, MODEL, Deployment, demo_channel
from tests.support.http import Api
from tests.support.upstream import Upstream
from tokens_forge.channels import Channel, ChannelKind, PoolMember
from tokens_forge.credentials import CredentialMissing
from tokens_forge.health import Health, HealthState, Source
from tokens_forge.keys import KeyKind
from tokens_forge.wallets import WalletKind

OFFICIAL, ROUTED = WalletKind.OFFICIAL, WalletKind.ROUTED
HEALTHY, DEGRADED, DOWN, UNKNOWN = (
    HealthState.HEALTHY,
    HealthState.DEGRADED,
    HealthState.DOWN,
    HealthState.UNKNOWN,
)


@dataclass
class Named:
    """Credentials whose value is their name; some are missing."""

    missing: frozenset[str] = frozenset()

    def fresh(self, name: str) -> str | None:
        return None

    def read(self, name: str) -> str:
        if name in self.missing:
            raise CredentialMissing(name)
        return name

    def forget(self, name: str) -> None:
        """Nothing is kept."""


def health(deployment: Deployment, channel_id: str = "openai-official", kind: WalletKind = OFFICIAL) -> Health:
    return deployment.health.read_health(kind).get((channel_id, MODEL), Health())


def tick(deployment: Deployment, minute: int, **changes: Any) -> None:
    report = deployment.look(ShiftedClock(minute * MINUTE_MS), **changes)
    assert report.checked == [OFFICIAL, ROUTED]


def probes(upstream: Upstream) -> list[dict[str, str]]:
    """The headers of each probe."""
    return [request.headers for request in upstream.requests if request.path.endswith("/models")]


def credential_in(headers: Mapping[str, str]) -> str:
    """What was sent, in the way of either protocol."""
    return headers.get("x-api-key") or headers["authorization"].removeprefix("Bearer ")


def money(deployment: Deployment) -> dict[str, list[Any]]:
    """Everything in the money tables."""
    tables = deployment.settings.tables
    return {
        table: sorted(deployment.client.scan(TableName=table)["Items"], key=str)
        for table in (tables.wallets, tables.journal, tables.requests)
    }


def test_requests_tell_how_a_channel_is_and_only_idle_ones_are_probed(
    deployment: Deployment, base_url: str, upstream: Upstream
) -> None:
    api = Api(base_url, deployment.key())
    for _ in range(4):
        assert api.chat().status_code == 200
    report = deployment.look()
    seen = health(deployment).seen
    assert seen is not None
    assert (seen.source, seen.samples, seen.successes) == (Source.TRAFFIC, 4, 4)
    assert seen.p50_ms is not None and seen.p95_ms is not None and seen.p50_ms <= seen.p95_ms
    assert health(deployment).state is HEALTHY
    # The official channel for its other models, and the four others once for all of theirs.
    assert report.probes == len(probes(upstream)) == 5
    assert {credential_in(headers) for headers in probes(upstream)} == {CREDENTIAL}
    other = deployment.health.read_health(OFFICIAL)["openai-official", "gpt-4o"]
    assert other.state is HEALTHY and other.seen is not None and other.seen.source is Source.PROBE


def test_a_channel_whose_requests_fail_is_down_at_the_next_look(
    deployment: Deployment, base_url: str, upstream: Upstream
) -> None:
    api = Api(base_url, deployment.key())
    upstream.script(*[error(503)] * 3)
    for _ in range(3):
        assert api.chat().status_code == 503
    deployment.look()
    found = health(deployment)
    assert found.state is DOWN and found.seen is not None
    assert (found.seen.samples, found.seen.successes, found.seen.source) == (3, 0, Source.TRAFFIC)


def test_a_stream_that_the_channel_broke_off_counts_as_failed(
    deployment: Deployment, base_url: str, upstream: Upstream
) -> None:
    api = Api(base_url, deployment.key())
    upstream.script(*[Behaviour(break_at=Break.CLOSE_MID_STREAM)] * 3)
    for _ in range(3):
        api.stream()
    deployment.look()
    assert health(deployment).state is DOWN


def test_a_stopped_channel_is_down_after_two_looks_and_back_two_looks_after_it_returned(
    deployment: Deployment, base_url: str, upstream: Upstream
) -> None:
    tick(deployment, 0)
    assert health(deployment).state is HEALTHY
    with upstream.refusing():
        tick(deployment, 1)
        assert health(deployment).state is DEGRADED
        tick(deployment, 2)
        down = health(deployment)
        assert down.state is DOWN
        tick(deployment, 3)
        assert health(deployment).since_ms == down.since_ms, "since is when it went down"
    tick(deployment, 4)
    tick(deployment, 5)
    assert health(deployment).state is HEALTHY


def test_old_requests_that_worked_do_not_hide_that_a_channel_has_stopped(
    deployment: Deployment, base_url: str, upstream: Upstream
) -> None:
    assert Api(base_url, deployment.key()).chat().status_code == 200
    with upstream.refusing():
        tick(deployment, 0)
        assert health(deployment).state is HEALTHY, "what this look sees worked a moment ago"
        tick(deployment, 1)
        assert health(deployment).state is DEGRADED
        tick(deployment, 2)
        assert health(deployment).state is DOWN


@pytest.mark.parametrize(
    ("answer", "first"),
    [
        (error(401), DEGRADED),
        (error(403), DEGRADED),
        (error(429, retry_after="1"), DEGRADED),
        (error(500), DEGRADED),
        (html(), DEGRADED),
        (redirect("http://127.0.0.1:9/v1/models"), DEGRADED),
        (Behaviour(break_at=Break.RESET_AT_ONCE), DEGRADED),
        (Behaviour(body=b"[" * 100_000), DEGRADED),
        (error(404), UNKNOWN),
        (error(405), UNKNOWN),
        (Behaviour(body=b'{"object": "list", "data": []}'), HEALTHY),
    ],
)
def test_what_a_free_probe_makes_of_an_answer(
    deployment: Deployment, upstream: Upstream, answer: Behaviour, first: HealthState
) -> None:
    upstream.script(*[answer] * 3, path="/models")
    tick(deployment, 0)
    assert upstream.unused == 0
    assert health(deployment).state is first


def test_channels_that_hang_are_given_up_together_after_five_seconds(
    deployment: Deployment, upstream: Upstream
) -> None:
    slow = Behaviour(delay_s=4, body=b"{}", break_at=Break.HANG_AFTER_HEADERS)  # each silence by itself is bearable
    upstream.script(slow, Behaviour(break_at=Break.HANG_BEFORE_HEADERS), slow, slow, slow, path="/models")
    tick(deployment, 0)
    assert {health(deployment).state, health(deployment, "routed-primary", ROUTED).state} == {DEGRADED}
    routed = [request for request in upstream.requests if request.ended_s is not None][-2:]
    assert abs(routed[0].received_s - routed[1].received_s) < 1, "at the same time"
    assert all((request.ended_s or 0) - request.received_s < 7 for request in upstream.requests)


def test_a_credential_goes_to_https_or_nowhere(deployment: Deployment, upstream: Upstream) -> None:
    tick(deployment, 0, loopback_allowed=False)
    assert upstream.requests == []
    assert health(deployment).state is DEGRADED


def test_a_channel_without_its_credential_is_not_healthy(deployment: Deployment, upstream: Upstream) -> None:
    tick(deployment, 0, credentials=Named(frozenset({"any"})))
    tick(deployment, 1, credentials=Named(frozenset({"any"})))
    assert upstream.requests == [] and health(deployment).state is DOWN


def a_pool(upstream: Upstream, *enabled: bool) -> Channel:
    members = tuple(
        PoolMember(f"member-{number}", f"secret-{number}", 1, enabled=on) for number, on in enumerate(enabled)
    )
    ordinary = demo_channel(upstream.base_url, "a-pool", kind=ROUTED)
    return replace(ordinary, kind=ChannelKind.POOL, credential="", members=members)


def test_a_pool_is_probed_with_a_member_that_is_not_disabled(deployment: Deployment, upstream: Upstream) -> None:
    deployment.route(a_pool(upstream, False, True, True), kind=ROUTED)
    tick(deployment, 0, credentials=Named())
    sent = [credential_in(headers) for headers in probes(upstream)]
    assert sent.count("secret-1") == 1 and "secret-0" not in sent
    assert health(deployment, "a-pool", ROUTED).state is HEALTHY


def test_a_pool_whose_members_are_all_disabled_is_not_healthy(deployment: Deployment, upstream: Upstream) -> None:
    deployment.route(a_pool(upstream, False), kind=ROUTED)
    tick(deployment, 0, credentials=Named())
    assert health(deployment, "a-pool", ROUTED).state is DEGRADED


def test_one_sides_failure_leaves_the_other_side_checked(deployment: Deployment, upstream: Upstream) -> None:
    deployment.client.put_item(
        TableName=deployment.settings.tables.official_catalog,
        Item={"section": {"S": "channel"}, "item_id": {"S": "broken"}, "kind": {"S": "nonsense"}},
    )
    assert deployment.look().checked == [ROUTED]
    assert health(deployment, "routed-primary", ROUTED).state is HEALTHY
    assert health(deployment).state is UNKNOWN


def test_looking_changes_nothing_in_the_money_tables(deployment: Deployment, base_url: str, upstream: Upstream) -> None:
    Api(base_url, deployment.key()).chat()
    before = money(deployment)
    upstream.script(error(500), path="/models")
    for minute in range(3):
        tick(deployment, minute)
    assert money(deployment) == before


def test_the_routes_show_all_of_it_and_no_providers_secret(
    deployment: Deployment, base_url: str, upstream: Upstream
) -> None:
    broken = demo_channel("http://127.0.0.1:9/v1", "broken-primary", kind=ROUTED)
    backup = demo_channel(upstream.base_url, "good-backup", kind=ROUTED)
    deployment.route(broken, backup, kind=ROUTED)
    key = deployment.key(KeyKind.ROUTED)
    api = Api(base_url, key)
    for _ in range(3):
        assert api.chat().status_code == 200
    deployment.look()
    answer = api.get("/routes")
    [route] = [route for route in answer.json()["data"] if route["model"] == MODEL]
    assert (route["wallet"], route["wallet_label"], route["health"]) == ("routed", "Routed balance", "healthy")
    primary, second = route["channels"]
    assert (primary["channel"], primary["role"], primary["health"]) == ("broken-primary", "primary", "down")
    assert (primary["success_rate"], primary["samples"], primary["source"]) == ("0.00", 3, "traffic")
    assert primary["latency_ms"] == {"p50": None, "p95": None}
    assert (second["channel"], second["role"], second["health"]) == ("good-backup", "backup", "healthy")
    assert second["success_rate"] == "1.00" and second["latency_ms"]["p50"] <= second["latency_ms"]["p95"]
    assert second["since"] <= second["last_check"]
    assert {route["model"] for route in answer.json()["data"]} == {
        model["id"] for model in api.get("/models").json()["data"]
    }
    for secret in (CREDENTIAL, "127.0.0.1", "any", "base_url", "credential"):
        assert f'"{secret}"' not in answer.text and f"//{secret}" not in answer.text
    listed = api.get(f"/models/{MODEL}").json()["forge"]["route"]
    quoted = api.post("/quotes", {"model": MODEL, "messages": [{"role": "user", "content": "x"}]}).json()["route"]
    for shown in (listed, quoted):
        assert shown["health"] == "healthy"
        assert [channel["health"] for channel in shown["channels"]] == ["down", "healthy"]


def test_before_the_first_look_everything_is_unknown(deployment: Deployment, base_url: str) -> None:
    route = next(r for r in Api(base_url, deployment.key()).get("/routes").json()["data"] if r["model"] == MODEL)
    [channel] = route["channels"]
    assert route["health"] == channel["health"] == "unknown"
    assert [channel[name] for name in ("since", "last_check", "success_rate", "source")] == [None] * 4


def test_a_management_key_has_no_routes(deployment: Deployment, base_url: str) -> None:
    answer = Api(base_url, deployment.key(KeyKind.MANAGE)).get("/routes")
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "key_not_permitted")


def test_health_informs_and_decides_nothing(deployment: Deployment, base_url: str) -> None:
    api = Api(base_url, deployment.key())
    before = [model["id"] for model in api.get("/models").json()["data"]]
    for model in before:
        deployment.health.write_health(OFFICIAL, ("openai-official", model), Health(DOWN, 1, 1))
    assert [model["id"] for model in api.get("/models").json()["data"]] == before
    assert (
        api.post("/quotes", {"model": MODEL, "messages": [{"role": "user", "content": "x"}]}).json()["callable"] is True
    )
    assert api.chat().status_code == 200


def test_what_another_version_wrote_is_unknown_and_written_anew(deployment: Deployment, base_url: str) -> None:
    deployment.client.put_item(
        TableName=deployment.settings.tables.state,
        Item={"scope": {"S": "health#official"}, "item": {"S": f"openai-official#{MODEL}"}, "state": {"S": "purple"}},
    )
    assert Api(base_url, deployment.key()).get("/routes").json()["data"][1]["health"] == "unknown"
    deployment.look()
    assert health(deployment).state is HEALTHY


def test_two_checks_at_once_are_harmless(deployment: Deployment) -> None:
    threads = [threading.Thread(target=deployment.look) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert health(deployment).state is HEALTHY
