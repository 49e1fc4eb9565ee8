"""The same request sent again is answered again and paid for once, over real HTTP."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import httpx2 as httpx
import pytest

from tests.support.behaviour import Behaviour, Break, error
from tests.support.calls import Calls, record
from tests.support.deployment import Deployment, deploy
from tests.support.engines import Engine
from tests.support.http import Api, chat_body, documented
from tests.support.server import serve
from tests.support.upstream import Upstream
from tokens_forge.ids import new_id
from tokens_forge.wallets import WalletKind


class Sender:
    """Sends one body, marked as a client marks it."""

    def __init__(self, base_url: str, token: str, body: dict[str, Any] | None = None) -> None:
        self.api = Api(base_url, token)
        self.body = json.dumps(body or chat_body()).encode()

    def send(self, *, retry: int | None = None, key: str | None = None, body: bytes | None = None) -> httpx.Response:
        headers = self.api.headers()
        if retry is not None:
            headers["x-stainless-retry-count"] = str(retry)
        if key is not None:
            headers["idempotency-key"] = key
        url = self.api.base_url + "/chat/completions"
        return documented(httpx.post(url, headers=headers, content=body or self.body, timeout=30))

    def reasons(self) -> list[str]:
        """How every request ended, oldest first."""
        return [receipt["settlement_reason"] for receipt in self.api.get("/receipts").json()["data"]][::-1]


@pytest.fixture
def sender(deployment: Deployment, base_url: str) -> Sender:
    return Sender(base_url, deployment.key())


@pytest.fixture
def streamer(deployment: Deployment, base_url: str) -> Sender:
    return Sender(base_url, deployment.key(), chat_body(stream=True, stream_options={"include_usage": True}))


def spent_nano(deployment: Deployment) -> int:
    wallet = deployment.wallet(WalletKind.OFFICIAL)
    assert wallet.holds == {} and wallet.held_nano == 0
    return wallet.debits_total_nano


def charge_nano(response: httpx.Response) -> int:
    """What an answer says that it cost."""
    text = response.text
    found = (
        json.loads(text)["forge_receipt"]["charge"]
        if text.startswith("{")
        else text.split('"charge":"')[1].split('"')[0]
    )
    whole, _, fraction = found.partition(".")
    return int(whole) * 10**9 + int(fraction.ljust(9, "0"))


@pytest.mark.parametrize("which", ["sender", "streamer"])
@pytest.mark.parametrize(
    "marks", [({"retry": 0}, {"retry": 1}), ({"key": "mine"}, {"key": "mine"})], ids=["sdk", "key"]
)
def test_a_retry_is_given_the_same_answer_and_costs_nothing(
    which: str, marks: Any, deployment: Deployment, upstream: Upstream, request: pytest.FixtureRequest
) -> None:
    sender: Sender = request.getfixturevalue(which)
    first, again = sender.send(**marks[0]), sender.send(**marks[1])
    assert first.status_code == again.status_code == 200
    assert first.content == again.content and first.headers["content-type"] == again.headers["content-type"]
    assert "idempotent-replayed" not in first.headers and again.headers["idempotent-replayed"] == "true"
    for name in ("x-forge-receipt-id", "x-forge-wallet", "x-forge-route", "x-forge-backup-used"):
        assert first.headers[name] == again.headers[name]
    assert first.headers["x-request-id"] != again.headers["x-request-id"]
    assert len(upstream.requests) == 1 and sender.reasons() == ["completed"]
    assert spent_nano(deployment) == charge_nano(first) > 0


def test_a_request_that_says_nothing_of_retries_is_never_taken_for_one(sender: Sender, upstream: Upstream) -> None:
    assert sender.send().status_code == sender.send().status_code == 200
    assert sender.send(retry=0).status_code == sender.send(retry=0).status_code == 200
    assert len(upstream.requests) == 4 and sender.reasons() == ["completed"] * 4


def test_another_body_is_another_request(sender: Sender, upstream: Upstream) -> None:
    sender.send(retry=0)
    assert "idempotent-replayed" not in sender.send(retry=1, body=json.dumps(chat_body(seed=1)).encode()).headers
    assert len(upstream.requests) == 2


def test_another_body_under_the_same_key_is_refused(sender: Sender, upstream: Upstream) -> None:
    assert sender.send(key="mine").status_code == 200
    refused = sender.send(key="mine", body=json.dumps(chat_body(seed=1)).encode())
    assert refused.status_code == 422 and refused.json()["error"]["code"] == "idempotency_key_reused"
    assert len(upstream.requests) == 1


def test_a_callers_key_never_stands_alone(deployment: Deployment, base_url: str, upstream: Upstream) -> None:
    other = deployment.other_account()
    other.fund(WalletKind.OFFICIAL, "1")
    for token in (deployment.key(), deployment.key(), other.key()):
        assert "idempotent-replayed" not in Sender(base_url, token).send(key="order-1").headers
        assert "idempotent-replayed" not in Sender(base_url, token).send(retry=1).headers
    assert len(upstream.requests) == 6


@pytest.mark.parametrize("key", ["", "x" * 256])
def test_a_key_that_is_no_key_is_refused(sender: Sender, key: str) -> None:
    refused = sender.send(key=key)
    assert refused.status_code == 400 and refused.json()["error"]["param"] == "Idempotency-Key"


def test_while_it_runs_a_keyed_request_is_told_to_come_back(sender: Sender, upstream: Upstream) -> None:
    gate = threading.Event()
    upstream.script(Behaviour(gate=gate))
    with background(lambda: sender.send(key="mine")) as first:
        upstream.wait_for(1)
        early = sender.send(key="mine")
        assert early.status_code == 409 and early.headers["retry-after"] == "1"
        assert early.json()["error"]["code"] == "still_running"
        gate.set()
    assert sender.send(key="mine").content == first[0].content
    assert len(upstream.requests) == 1


@pytest.mark.parametrize("which", ["sender", "streamer"])
def test_while_it_runs_an_sdks_retry_waits_for_its_answer(
    which: str, upstream: Upstream, request: pytest.FixtureRequest
) -> None:
    sender: Sender = request.getfixturevalue(which)
    gate = threading.Event()
    upstream.script(Behaviour(gate=gate))
    with background(lambda: sender.send(retry=0)) as first:
        upstream.wait_for(1)
        with background(lambda: sender.send(retry=1)) as second:
            time.sleep(0.3)
            gate.set()
    assert first[0].content == second[0].content and len(upstream.requests) == 1


def test_a_failure_that_cost_nothing_is_tried_again_and_charged_once(
    deployment: Deployment, sender: Sender, upstream: Upstream
) -> None:
    upstream.script(error(500), error(400))
    assert [sender.send(retry=0).status_code, sender.send(retry=1).status_code] == [503, 400]
    answer = sender.send(retry=2)
    assert answer.status_code == 200 and "idempotent-replayed" not in answer.headers
    assert sender.reasons() == ["upstream_failed", "upstream_rejected", "completed"]
    assert spent_nano(deployment) == charge_nano(answer)


def test_a_refused_hold_leaves_no_claim_behind(deployment: Deployment, base_url: str) -> None:
    poor = deployment.other_account()
    sender = Sender(base_url, poor.key())
    assert sender.send(key="mine").status_code == 402
    poor.fund(WalletKind.OFFICIAL, "1")
    assert sender.send(key="mine").status_code == 200


class Claims:
    """The claims as they are stored."""

    def __init__(self, deployment: Deployment) -> None:
        self._client = deployment.client
        self._table = deployment.settings.tables.state

    def only(self) -> dict[str, Any]:
        items = self._client.scan(TableName=self._table)["Items"]
        [claim] = [item for item in items if item["scope"]["S"].startswith("retry#")]
        return dict(claim)

    def change(self, **attributes: Any) -> None:
        """Put attributes; None takes one away."""
        claim = {**self.only(), **attributes}
        self._client.put_item(TableName=self._table, Item={name: value for name, value in claim.items() if value})


@pytest.mark.parametrize("which", ["sender", "streamer"])
def test_when_the_answer_is_lost_the_retry_runs_again_and_the_customer_pays_once(
    which: str, deployment: Deployment, upstream: Upstream, request: pytest.FixtureRequest
) -> None:
    sender: Sender = request.getfixturevalue(which)
    first = sender.send(retry=0)
    # As if the process had died after settling and before keeping the answer.
    Claims(deployment).change(headers=None, answer=None, leased_until_ms={"N": "0"})
    again = sender.send(retry=1)
    assert again.status_code == 200 and "idempotent-replayed" not in again.headers
    assert len(upstream.requests) == 2
    assert sender.reasons() == ["completed", "repeated"] and charge_nano(again) == 0
    assert spent_nano(deployment) == charge_nano(first)
    receipt = sender.api.get(f"/receipts/{again.headers['x-forge-receipt-id']}").json()
    assert receipt["repeats"] == first.headers["x-forge-receipt-id"]
    assert sender.send(retry=2).content == again.content, "and the new answer is kept"
    # Lost once more: still the first one is the one that was paid.
    Claims(deployment).change(headers=None, answer=None, leased_until_ms={"N": "0"})
    sender.send(retry=3)
    assert sender.reasons() == ["completed", "repeated", "repeated"]
    assert spent_nano(deployment) == charge_nano(first)


def test_a_retry_that_fails_does_not_forget_that_an_earlier_run_was_charged(
    deployment: Deployment, sender: Sender, upstream: Upstream
) -> None:
    first = sender.send(key="mine")
    Claims(deployment).change(headers=None, answer=None, leased_until_ms={"N": "0"})
    upstream.script(error(500))
    assert sender.send(key="mine").status_code == 503
    again = sender.send(key="mine")
    assert again.status_code == 200 and charge_nano(again) == 0
    assert spent_nano(deployment) == charge_nano(first) > 0


def test_a_run_that_died_before_it_was_settled_is_ended_and_never_charged_late(
    deployment: Deployment, sender: Sender, upstream: Upstream
) -> None:
    gate = threading.Event()
    upstream.script(Behaviour(gate=gate))
    with background(lambda: sender.send(retry=0)) as first:
        upstream.wait_for(1)
        Claims(deployment).change(leased_until_ms={"N": "0"})  # its time is over; it is thought dead, and is not
        again = sender.send(retry=1)
        assert again.status_code == 200 and charge_nano(again) > 0
        gate.set()
    assert sender.reasons() == ["abandoned", "completed"]
    assert first[0].status_code == 200 and charge_nano(first[0]) == 0
    assert spent_nano(deployment) == charge_nano(again)
    assert sender.send(retry=2).content == again.content, "the answer of the run that took over is the one that counts"


def test_a_claim_of_a_retry_holds_off_the_first_sending_that_comes_late(sender: Sender, upstream: Upstream) -> None:
    gate = threading.Event()
    upstream.script(Behaviour(gate=gate))
    with background(lambda: sender.send(retry=1)) as first:
        upstream.wait_for(1)
        with background(lambda: sender.send(retry=0)) as late:
            time.sleep(0.3)
            gate.set()
    assert late[0].content == first[0].content and len(upstream.requests) == 1


def test_a_stream_whose_client_left_before_it_began_is_finished_for_the_retry(
    deployment: Deployment, streamer: Sender, upstream: Upstream
) -> None:
    upstream.script(Behaviour(text="word " * 30, delay_s=0.5, frame_delay_s=0.02))
    headers = {**streamer.api.headers(), "x-stainless-retry-count": "0"}
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(streamer.api.base_url + "/chat/completions", headers=headers, content=streamer.body, timeout=0.2)
    again = streamer.send(retry=1)
    assert again.text.count("word") == 30 and again.text.endswith("data: [DONE]\n\n")
    assert len(upstream.requests) == 1 and streamer.reasons() == ["completed"]
    assert spent_nano(deployment) == charge_nano(again)


def test_a_stream_that_broke_is_not_replayed(deployment: Deployment, streamer: Sender, upstream: Upstream) -> None:
    upstream.script(Behaviour(break_at=Break.CLOSE_MID_STREAM))
    # A retry may come at once: the claim is dropped before the last event goes out, however long that takes.
    deployment.client.meta.events.register("before-call.dynamodb.DeleteItem", lambda **_: time.sleep(0.3))
    assert "stream_broken" in streamer.send(key="mine").text
    assert streamer.send(key="mine").text.endswith("data: [DONE]\n\n")


@pytest.mark.parametrize("which", ["sender", "streamer"])
def test_a_large_answer_goes_to_s3_and_comes_back(
    which: str, moto: Engine, deployment: Deployment, upstream: Upstream, request: pytest.FixtureRequest
) -> None:
    sender: Sender = request.getfixturevalue(which)
    upstream.script(Behaviour(text=" ".join(new_id("req", 0) for _ in range(1500))))
    first, again = sender.send(key="mine"), sender.send(key="mine")
    assert again.content == first.content and len(first.content) > 40_000
    stored = Claims(deployment).only()
    assert "answer" not in stored and stored["answer_in"]["S"].startswith("answers/key_")
    [kept] = moto.s3().list_objects_v2(Bucket=deployment.settings.answers_bucket)["Contents"]
    moto.s3().delete_object(Bucket=deployment.settings.answers_bucket, Key=kept["Key"])
    assert sender.send(key="mine").status_code == 200 and sender.reasons() == ["completed", "repeated"]


def test_retry_safety_adds_three_write_units_and_one_round_trip_for_an_answer_of_2_kb(
    moto: Engine, upstream: Upstream
) -> None:
    client = moto.client()
    deployment = deploy(moto, upstream.base_url, client=client)
    deployment.fund(WalletKind.OFFICIAL, "10")
    upstream.default = Behaviour(text=" ".join(new_id("req", 0) for _ in range(60)))
    with serve(deployment.app, lifespan="on") as url:
        sender = Sender(url + "/v1", deployment.key())
        sender.send(retry=0)  # key, catalog and circuits are in their caches from now on
        # Calls that take as long as over a network: only then can they be seen to run beside each other.
        client.meta.events.register("before-call.dynamodb", lambda **_: time.sleep(0.02))
        with record(client, observer=moto.client()) as plain:
            assert 2000 < len(sender.send().content) < 2700
        with record(client, observer=moto.client()) as marked:
            assert sender.send(key="mine").status_code == 200
    assert plain.write_units == 6 and trips(plain) == 3
    assert marked.write_units - plain.write_units <= 3
    assert trips(marked) - trips(plain) <= 2, "a keyed request looks first; an SDK's first sending does not"


def trips(calls: Calls) -> int:
    """Serial round trips, without the circuits that are read beside a hold every two seconds."""
    return Calls([call for call in calls.all if call.operation != "Query"]).round_trips


class background:
    """Runs a call in a thread; its result is in the list after the block."""

    def __init__(self, call: Any) -> None:
        self._results: list[Any] = []
        self._thread = threading.Thread(target=lambda: self._results.append(call()), daemon=True)

    def __enter__(self) -> list[Any]:
        self._thread.start()
        return self._results

    def __exit__(self, *_: object) -> None:
        self._thread.join(20)
        assert not self._thread.is_alive()
