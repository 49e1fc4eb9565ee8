"""On every endpoint, over every channel protocol that carries it: one charge, one receipt, a clear outcome when it goes wrong."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.support.behaviour import MISSING, Behaviour, Break, error, garbage
from tests.support.deployment import CREDENTIAL, MODEL, Deployment
from tests.support.http import Api
from tests.support.upstream import Upstream
from tests.support.ways import STREAMED, UPSTREAM_MODEL, WAYS, Way
from tokens_forge.endpoints import Endpoint
from tokens_forge.receipts import recompute
from tokens_forge.wallets import WalletKind

every_way = pytest.mark.parametrize("way", WAYS, ids=str)
every_answer = pytest.mark.parametrize(
    ("way", "streamed"), STREAMED, ids=[f"{way}-{'stream' if streamed else 'whole'}" for way, streamed in STREAMED]
)
every_stream = pytest.mark.parametrize("way", [way for way in WAYS if way.streams], ids=str)


def receipt_of(deployment: Deployment, api: Api, response: Any) -> dict[str, Any]:
    """The receipt of an answer, after checking what holds for every request: no hold left, charge = arithmetic = balance."""
    receipt: dict[str, Any] = api.get(f"/receipts/{response.headers['x-forge-receipt-id']}").json()
    assert recompute(receipt) == receipt["charge"]
    wallet = deployment.wallet(WalletKind.OFFICIAL)
    assert wallet.holds == {} and wallet.held_nano == 0
    assert Decimal(10) - Decimal(wallet.available_nano) / 10**9 == Decimal(receipt["charge"])
    return receipt


@every_answer
def test_an_answer_is_charged_once_and_its_receipt_explains_it(
    deployment: Deployment, base_url: str, upstream: Upstream, way: Way, streamed: bool
) -> None:
    way.install(deployment, upstream.base_url)
    api = Api(base_url, deployment.key())
    response, events = way.call(api, streamed=streamed)
    assert response.status_code == 200, response.text

    [sent] = upstream.requests
    assert (sent.path, sent.json["model"]) == (way.upstream_path, UPSTREAM_MODEL)
    if way.is_anthropic_upstream:
        assert sent.headers["x-api-key"] == CREDENTIAL and sent.headers["anthropic-version"] == "2023-06-01"
        assert "authorization" not in sent.headers
    else:
        assert sent.headers["authorization"] == f"Bearer {CREDENTIAL}" and "x-api-key" not in sent.headers

    is_vector = way.endpoint is Endpoint.EMBEDDINGS
    assert way.text(response, events) == ("[0.5, -0.25, 1.0]" if is_vector else "Hello from the test provider.")
    receipt = receipt_of(deployment, api, response)
    assert (receipt["settlement_reason"], receipt["usage_source"]) == ("completed", "provider")
    assert (receipt["endpoint"], receipt["model"]) == (way.endpoint.value, MODEL)
    assert (receipt["tokens"]["input"], receipt["tokens"]["output"]) == (2, 0 if is_vector else 5)
    assert Decimal(0) < Decimal(receipt["charge"]) <= Decimal(receipt["hold"])
    summary, usage = way.receipt_and_usage(response, events)
    assert {name: receipt[name] for name in summary} == summary
    assert 2 in (usage.get("input_tokens"), usage.get("prompt_tokens"))
    said = str([event.data for event in events] or response.json())
    assert UPSTREAM_MODEL not in said and MODEL in said, "the client sees our name of the model only"


@every_answer
def test_the_limit_that_was_held_for_is_really_sent(
    deployment: Deployment, base_url: str, upstream: Upstream, way: Way, streamed: bool
) -> None:
    way.install(deployment, upstream.base_url)
    api = Api(base_url, deployment.key())
    for limit, expected in ((7, 7), (10**9, 16_384), (None, 1_024)):
        response, _ = way.call(api, streamed=streamed, limit=limit)
        quote = api.post(f"/quotes?endpoint={way.endpoint.value}", way.body(limit=limit)).json()
        assert quote["callable"] is True and quote["endpoint"] == way.endpoint.value
        receipt = api.get(f"/receipts/{response.headers['x-forge-receipt-id']}").json()
        assert Decimal(receipt["hold"]) >= Decimal(quote["max_charge"]) > 0
        sent = upstream.requests[-1].json
        limits = [sent[name] for name in ("max_tokens", "max_completion_tokens", "max_output_tokens") if name in sent]
        assert limits == ([expected] if way.streams else [])
        assert quote["bound"]["output_tokens"] == (expected if way.streams else 0)


@every_answer
@pytest.mark.parametrize(("behaviour", "outcome"), [
    (error(500), "http_500"),
    (Behaviour(break_at=Break.CLOSE_AT_ONCE), "broke"),
    (garbage(b'{"hello": "world"}'), "garbage"),
])  # fmt: skip
def test_a_failure_before_the_first_byte_costs_nothing(
    deployment: Deployment,
    base_url: str,
    upstream: Upstream,
    way: Way,
    streamed: bool,
    behaviour: Behaviour,
    outcome: str,
) -> None:
    way.install(deployment, upstream.base_url)
    upstream.script(behaviour)
    api = Api(base_url, deployment.key())
    response, _ = way.call(api, streamed=streamed)
    assert response.status_code == 503 and "retry-after" in response.headers
    problem = response.json()["error"]
    assert problem["code"] == "no_healthy_route" and problem["forge"]["class"] == "provider_health"
    assert problem["type"] == ("overloaded_error" if way.endpoint is Endpoint.MESSAGES else "server_error")
    receipt = receipt_of(deployment, api, response)
    assert (receipt["settlement_reason"], receipt["charge"]) == ("upstream_failed", "0.00")
    assert [attempt["outcome"] for attempt in receipt["attempts"]] == [outcome]


@every_answer
@pytest.mark.parametrize("numbers", [MISSING, "lots", (-5, 3), (10**12, 10**12)], ids=repr)
def test_usage_that_is_missing_or_cannot_be_true_is_estimated(
    deployment: Deployment, base_url: str, upstream: Upstream, way: Way, streamed: bool, numbers: Any
) -> None:
    way.install(deployment, upstream.base_url)
    usage = way.usage(*numbers) if isinstance(numbers, tuple) else numbers
    upstream.script(Behaviour(text="twelve bytes", usage=usage, usage_in_stream=True))
    api = Api(base_url, deployment.key())
    response, events = way.call(api, streamed=streamed)
    receipt = receipt_of(deployment, api, response)
    assert (receipt["settlement_reason"], receipt["usage_source"]) == ("completed", "estimated")
    assert receipt["tokens"]["output"] == (3 if way.streams else 0) and receipt["tokens"]["input"] > 0
    _, shown = way.receipt_and_usage(response, events)
    counted = [shown.get(name) for name in ("input_tokens", "prompt_tokens")]
    assert receipt["tokens"]["input"] in counted, "the client is told what it pays for"


@every_answer
def test_usage_above_the_bound_is_charged_up_to_the_hold_only(
    deployment: Deployment, base_url: str, upstream: Upstream, way: Way, streamed: bool
) -> None:
    way.install(deployment, upstream.base_url)
    upstream.script(Behaviour(usage=way.usage(10**8, 10**8), usage_in_stream=True))
    api = Api(base_url, deployment.key())
    response, _ = way.call(api, streamed=streamed)
    receipt = receipt_of(deployment, api, response)
    assert receipt["charge"] == receipt["hold"] and Decimal(receipt["uncharged"]) > 10


@every_answer
def test_an_answer_without_output_costs_nothing(
    deployment: Deployment, base_url: str, upstream: Upstream, way: Way, streamed: bool
) -> None:
    way.install(deployment, upstream.base_url)
    upstream.script(Behaviour(text="", usage=way.usage(9, 0), usage_in_stream=True))
    api = Api(base_url, deployment.key())
    response, _ = way.call(api, streamed=streamed)
    assert response.status_code == 200
    receipt = receipt_of(deployment, api, response)
    assert (receipt["settlement_reason"], receipt["charge"]) == ("no_output", "0.00")


@every_stream
@pytest.mark.parametrize("how", ["connection", "error event", "garbage", "early end"])
def test_a_stream_that_breaks_ends_with_an_error_in_its_own_shape_and_is_charged_by_rule(
    deployment: Deployment, base_url: str, upstream: Upstream, way: Way, how: str
) -> None:
    way.install(deployment, upstream.base_url)
    after = 6
    upstream.script(
        {
            "connection": Behaviour(text="one two three " * 9, break_at=Break.CLOSE_MID_STREAM, after_frames=after),
            "error event": Behaviour(
                text="one two three " * 9, insert=way.error_frame(), break_at=Break.END_EARLY, after_frames=after
            ),
            "garbage": Behaviour(text="one two three " * 9, insert=b"data: {]\n\n", after_frames=after),
            "early end": Behaviour(text="one two three " * 9, break_at=Break.END_EARLY, after_frames=after),
        }[how]
    )
    api = Api(base_url, deployment.key())
    response, events = way.call(api, streamed=True)
    assert response.status_code == 200 and way.is_broken_off(events), events[-1]
    assert "[DONE]" not in [event.data for event in events] and "message_stop" not in [event.name for event in events]
    assert way.text(response, events).startswith("one two ")
    receipt = receipt_of(deployment, api, response)
    assert (receipt["settlement_reason"], receipt["usage_source"]) == ("upstream_broke", "estimated")
    assert receipt["tokens"]["output"] > 0 and Decimal(receipt["charge"]) > 0


@every_way
def test_a_provider_that_refuses_the_request_is_quoted_and_costs_nothing(
    deployment: Deployment, base_url: str, upstream: Upstream, way: Way
) -> None:
    way.install(deployment, upstream.base_url)
    upstream.script(error(400, "temperature is out of range", code="invalid_value"))
    api = Api(base_url, deployment.key())
    response, _ = way.call(api, streamed=False)
    assert response.status_code == 400
    assert response.json()["error"]["message"] == "temperature is out of range"
    assert receipt_of(deployment, api, response)["settlement_reason"] == "upstream_rejected"


@every_way
def test_a_backup_of_any_protocol_serves_at_the_quoted_price(
    deployment: Deployment, base_url: str, upstream: Upstream, way: Way
) -> None:
    first = way.install(deployment, upstream.base_url, "first")
    with Upstream() as second:
        backup = way.install(deployment, second.base_url, "second")
        deployment.route(first, backup)
        api = Api(base_url, deployment.key())
        upstream.script(error(500))
        response, _ = way.call(api, streamed=False)
        assert response.status_code == 200 and response.headers["x-forge-backup-used"] == "true"
        assert [request.path for request in second.requests] == [way.upstream_path]
    assert receipt_of(deployment, api, response)["route"] == "second"
