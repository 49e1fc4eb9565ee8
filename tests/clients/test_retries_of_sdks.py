"""What becomes of the retries that official Python clients make by themselves: one call, one charge, one answer."""

from __future__ import annotations

import threading
from typing import Any

import openai
import pytest
from openai import OpenAI

from tests.support.arrivals import Arrivals
from tests.support.behaviour import Behaviour, error
from tests.support.deployment import MODEL, KnownCredentials, deploy
from tests.support.engines import Engine
from tests.support.http import Api
from tests.support.server import serve
from tests.support.upstream import Upstream
from tokens_forge.wallets import WalletKind

HELLO: Any = [{"role": "user", "content": "Say hello."}]


@pytest.mark.parametrize("streamed", [False, True])
def test_three_equal_requests_are_one_call_and_one_charge_and_the_last_one_is_answered(
    moto: Engine, upstream: Upstream, streamed: bool
) -> None:
    deployment = deploy(moto, upstream.base_url, whole_s=15.0, first_byte_s=15.0)
    deployment.fund(WalletKind.OFFICIAL, "10")
    arrivals, gate, text = Arrivals(deployment.app), threading.Event(), ""
    upstream.script(Behaviour(text="worth waiting for", gate=gate))

    def answer_the_third() -> None:
        arrivals.wait_for(3)
        gate.set()

    waiting = threading.Thread(target=answer_the_third)
    waiting.start()
    with serve(arrivals, lifespan="on") as url:
        api = Api(url + "/v1", deployment.key())
        with OpenAI(base_url=api.base_url, api_key=api.token, timeout=0.8) as client:
            answer: Any = client.chat.completions.create(model=MODEL, messages=HELLO, stream=streamed)
            if streamed:
                text = "".join(chunk.choices[0].delta.content or "" for chunk in answer)
            else:
                text = answer.choices[0].message.content
        waiting.join()
        sent = arrivals.requests[:3]
        assert [one.headers["x-stainless-retry-count"] for one in sent] == ["0", "1", "2"]
        assert len({bytes(one.body) for one in sent}) == 1 and not any("idempotency-key" in one.headers for one in sent)
        assert text == "worth waiting for"
        assert len(upstream.requests) == 1 and api.reasons() == ["completed"]
    wallet = deployment.wallet()
    assert wallet.debits_total_nano > 0 and wallet.holds == {}


class BrokenCredentials(KnownCredentials):
    """Fails as nobody expects it to."""

    def fresh(self, name: str) -> str | None:
        raise RuntimeError("a fault of our own")


def test_a_fault_of_our_own_is_not_tried_again(moto: Engine, upstream: Upstream) -> None:
    deployment = deploy(moto, upstream.base_url, credentials=BrokenCredentials())
    deployment.fund(WalletKind.OFFICIAL, "10")
    arrivals = Arrivals(deployment.app)
    with serve(arrivals, lifespan="on") as url:
        api = Api(url + "/v1", deployment.key())
        with (
            OpenAI(base_url=api.base_url, api_key=api.token) as client,
            pytest.raises(openai.InternalServerError) as failed,
        ):
            client.chat.completions.create(model=MODEL, messages=HELLO)
        assert failed.value.code == "gateway_error" and failed.value.response.headers["x-should-retry"] == "false"
        assert len(arrivals.requests) == 1
        assert api.reasons() == ["gateway_failed"] and deployment.wallet().debits_total_nano == 0


@pytest.mark.parametrize(("asked_s", "told_s"), [("3600", "60"), ("7", "7"), ("0", "2")])
def test_a_client_is_never_told_to_wait_longer_than_it_will(
    api: Api, upstream: Upstream, asked_s: str, told_s: str
) -> None:
    upstream.script(error(429, retry_after=asked_s))
    response = api.chat()
    assert response.status_code == 503 and response.headers["retry-after"] == told_s
    assert "x-should-retry" not in response.headers, "nothing was charged: the client may come back"
