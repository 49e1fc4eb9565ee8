"""A pool as a route: real HTTP on both sides, each member with a credential of its own."""

from __future__ import annotations

import json
import socket
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx2 as httpx
import pytest

from tests.support.behaviour import Behaviour, Break, error, html
from tests.support.deployment import MODEL, Deployment, demo_channel, deploy
from tests.support.engines import Engine
from tests.support.http import Api, chat_body
from tests.support.server import serve
from tests.support.upstream import Received, Upstream
from tokens_forge.channels import Channel, ChannelKind, PoolMember, QuotaWindow
from tokens_forge.clock import SystemClock
from tokens_forge.credentials import CredentialMissing
from tokens_forge.keys import KeyKind
from tokens_forge.pools import MemberStatus, Pools
from tokens_forge.store.pools import DynamoPoolStore
from tokens_forge.wallets import WalletKind

MEMBERS = ("account-a", "account-b", "account-c")
WINDOWS = (QuotaWindow(5 * 3600, tokens_max=100_000, requests_max=100),)


class CredentialOfEach:
    """A stand-in for Secrets Manager: every name has a value of its own, unless it is missing."""

    def __init__(self) -> None:
        self.missing: set[str] = set()

    def fresh(self, name: str) -> str | None:
        return None

    def read(self, name: str) -> str:
        if name in self.missing:
            raise CredentialMissing(name)
        return f"value-of-{name}"

    def forget(self, name: str) -> None:
        """Nothing to forget."""


@dataclass(frozen=True)
class PoolRoute:
    """The routed model's route is one pool."""

    deployment: Deployment
    upstream: Upstream
    credentials: CredentialOfEach
    channel: Channel
    api: Api

    def status(self) -> list[MemberStatus]:
        clock, table = SystemClock(), self.deployment.settings.tables.state
        return Pools(DynamoPoolStore(self.deployment.client, table, clock), clock, slot_lifetime_s=80).status(
            self.channel
        )

    def slots_used(self) -> int:
        return sum(found.slots_used for found in self.status())

    def tokens_used(self) -> int:
        return sum(found.limits[0].used for found in self.status())

    def cooling(self) -> set[str]:
        return {found.member_id for found in self.status() if found.cooling_until_ms is not None}

    def receipt(self, answer: httpx.Response) -> dict[str, Any]:
        found: dict[str, Any] = self.api.get(f"/receipts/{answer.headers['x-forge-receipt-id']}").json()
        return found

    def ended(self) -> dict[str, Any]:
        """The receipt of a request whose client did not wait for it."""
        until = time.monotonic() + 10
        while time.monotonic() < until:
            found = self.api.get("/receipts").json()["data"]
            if found and not self.slots_used():
                receipt: dict[str, Any] = found[0]
                return receipt
            time.sleep(0.05)
        raise AssertionError(f"the request was not ended: {self.slots_used()} slots are taken")


def asked(received: Received) -> str:
    """The member whose credential a request carried."""
    return received.headers["authorization"].removeprefix("Bearer value-of-secret-")


@pytest.fixture
def route(moto: Engine, upstream: Upstream) -> Iterator[PoolRoute]:
    credentials = CredentialOfEach()
    deployment = deploy(moto, upstream.base_url, silence_s=1.0, credentials=credentials)
    deployment.fund(WalletKind.ROUTED, "70")
    ordinary = demo_channel(upstream.base_url, "routed-pool", kind=WalletKind.ROUTED)
    channel = Channel(
        "routed-pool",
        ChannelKind.POOL,
        "A pool",
        ordinary.protocol,
        ordinary.base_url,
        "",
        ordinary.models,
        members=tuple(PoolMember(name, f"secret-{name}", 1, WINDOWS) for name in MEMBERS),
    )
    deployment.route(channel, kind=WalletKind.ROUTED)
    with serve(deployment.app, lifespan="on") as url:
        yield PoolRoute(deployment, upstream, credentials, channel, Api(url + "/v1", deployment.key(KeyKind.ROUTED)))


def test_a_conversation_is_served_by_one_member_with_its_own_credential(route: PoolRoute) -> None:
    talk = [{"role": "user", "content": "Say hello."}]
    for _ in range(3):
        answer = route.api.chat(messages=talk)
        assert answer.status_code == 200 and answer.headers["x-forge-route"] == "routed-pool"
        talk += [answer.json()["choices"][0]["message"], {"role": "user", "content": "Again."}]
    assert len({asked(received) for received in route.upstream.requests}) == 1


def test_conversations_are_spread_over_the_members(route: PoolRoute) -> None:
    for number in range(24):
        assert route.api.chat(prompt_cache_key=f"talk {number}").status_code == 200
    assert set(Counter(asked(received) for received in route.upstream.requests)) == set(MEMBERS)


@pytest.mark.parametrize("streamed", [False, True])
def test_a_member_whose_quota_is_used_up_cools_while_another_serves(route: PoolRoute, streamed: bool) -> None:
    route.upstream.script(error(429, retry_after="60"))
    answer = route.api.stream()[0] if streamed else route.api.chat()
    first, second = (asked(received) for received in route.upstream.requests)
    assert answer.status_code == 200 and first != second
    assert answer.headers["x-forge-route"] == "routed-pool" and answer.headers["x-forge-backup-used"] == "false"
    attempts = [(attempt["channel"], attempt["outcome"]) for attempt in route.receipt(answer)["attempts"]]
    assert attempts == [("routed-pool", "http_429"), ("routed-pool", "ok")]
    assert route.cooling() == {first} and route.slots_used() == 0

    assert route.api.chat().status_code == 200
    assert asked(route.upstream.requests[-1]) != first, "left alone until its quota is reset"


def test_customers_never_see_a_member(route: PoolRoute) -> None:
    route.upstream.script(error(401, "secret-account-a is not known"))
    answer = route.api.chat()
    shown = [answer.text, str(dict(answer.headers)), json.dumps(route.receipt(answer))]
    shown += [route.api.get(path).text for path in ("/models", "/key")]
    shown.append(route.api.post("/quotes", chat_body()).text)
    assert not [text for text in shown for name in MEMBERS if name in text]


def test_a_pool_of_which_every_member_cools_says_when_to_come_back(route: PoolRoute) -> None:
    route.upstream.script(*(error(429, retry_after=wait_s) for wait_s in ("50", "40", "30")))
    answers = [route.api.chat(), route.api.chat()]
    assert len(route.upstream.requests) == 3, "the second was not sent anywhere"
    assert route.cooling() == set(MEMBERS) and route.slots_used() == 0
    for answer, outcomes in zip(answers, [["http_429"] * 3, ["pool_full"]], strict=True):
        assert answer.status_code == 503
        assert answer.json()["error"]["code"] == "no_healthy_route"
        receipt = route.receipt(answer)
        assert [attempt["outcome"] for attempt in receipt["attempts"]] == outcomes
        assert receipt["charge"] == "0.00"
        assert 25 <= int(answer.headers["retry-after"]) <= 30


def test_a_member_without_a_credential_is_passed_over_and_the_pool_goes_on(route: PoolRoute) -> None:
    assert route.api.chat().status_code == 200
    home = asked(route.upstream.requests[0])
    route.credentials.missing.add(f"secret-{home}")
    answer = route.api.chat()
    assert answer.status_code == 200 and route.cooling() == {home}
    assert [attempt["outcome"] for attempt in route.receipt(answer)["attempts"]] == ["no_credential", "ok"]


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(
    "behaviour",
    [
        error(500),
        error(400),
        html(),
        Behaviour(break_at=Break.RESET_AT_ONCE),
        Behaviour(break_at=Break.HANG_BEFORE_HEADERS),
    ],
    ids=["500", "400", "html", "reset", "hang"],
)
def test_a_failure_before_the_first_byte_gives_the_slot_back_unused(
    route: PoolRoute, behaviour: Behaviour, streamed: bool
) -> None:
    route.upstream.script(behaviour)
    answer = route.api.stream()[0] if streamed else route.api.chat()
    assert answer.status_code in (400, 503) and len(route.upstream.requests) == 1
    assert route.slots_used() == route.tokens_used() == 0 and not route.cooling()


@pytest.mark.parametrize("streamed", [False, True])
def test_an_answer_gives_the_slot_back_with_the_tokens_it_used(route: PoolRoute, streamed: bool) -> None:
    answer = route.api.stream()[0] if streamed else route.api.chat()
    tokens = route.receipt(answer)["tokens"]
    assert route.slots_used() == 0
    assert (
        route.tokens_used() == sum(tokens[bucket] for bucket in ("input", "cached_input", "cache_write", "output")) > 0
    )


@pytest.mark.parametrize("at", [Break.RESET_MID_STREAM, Break.END_EARLY, Break.HANG_MID_STREAM], ids=lambda at: at.name)
def test_a_stream_that_breaks_gives_the_slot_back_with_what_it_used(route: PoolRoute, at: Break) -> None:
    route.upstream.script(Behaviour(text="word " * 20, break_at=at, after_frames=5))
    answer, _ = route.api.stream()
    assert route.receipt(answer)["settlement_reason"] == "upstream_broke"
    assert route.slots_used() == 0 and route.tokens_used() > 0


def test_a_client_that_leaves_gives_the_slot_back(route: PoolRoute) -> None:
    route.upstream.script(Behaviour(text="word " * 20, frame_delay_s=0.05))
    with httpx.stream(
        "POST",
        route.api.base_url + "/chat/completions",
        headers=route.api.headers(),
        json=chat_body(stream=True),
        timeout=10,
    ) as answer:
        next(answer.iter_bytes())
        assert route.slots_used() == 1
    assert route.ended()["settlement_reason"] == "client_left"
    assert route.slots_used() == 0 and route.tokens_used() > 0


def test_a_client_that_leaves_before_the_first_byte_gives_the_slot_back(route: PoolRoute) -> None:
    route.upstream.script(Behaviour(text="word " * 20, delay_s=0.5, frame_delay_s=0.05))
    host, port = route.api.base_url.removeprefix("http://").removesuffix("/v1").split(":")
    body = json.dumps(chat_body(stream=True)).encode()
    head = "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n"
    head += f"authorization: Bearer {route.api.token}\r\ncontent-length: {len(body)}\r\n\r\n"
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(head.encode() + body)
        route.upstream.wait_for(1)
        assert route.slots_used() == 1
    assert route.ended()["settlement_reason"] == "client_left"
    assert route.slots_used() == 0


def test_a_full_pool_leaves_the_request_to_the_next_channel(route: PoolRoute) -> None:
    backup = demo_channel(route.upstream.base_url, "routed-backup", kind=WalletKind.ROUTED)
    route.deployment.route(route.channel, backup, kind=WalletKind.ROUTED, model="gpt-4o")
    large = route.api.chat(model="gpt-4o", messages=[{"role": "user", "content": "x" * 100_000}])
    assert large.status_code == 200 and large.headers["x-forge-route"] == "routed-backup"
    assert [attempt["outcome"] for attempt in route.receipt(large)["attempts"]] == ["pool_full", "ok"]
    assert MODEL != "gpt-4o" and route.tokens_used() == 0
