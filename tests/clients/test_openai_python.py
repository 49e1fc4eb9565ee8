"""The official Python SDK, unmodified, over real HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI, OpenAI

from tests.support.behaviour import Behaviour, error
from tests.support.deployment import MODEL, Deployment
from tests.support.http import Api
from tests.support.upstream import Upstream
from tokens_forge.keys import KeyKind
from tokens_forge.receipts import recompute

HELLO: Any = [{"role": "user", "content": "Say hello."}]
KINDS = [KeyKind.OFFICIAL, KeyKind.ROUTED]


@pytest.fixture
def client(deployment: Deployment, base_url: str) -> Iterator[OpenAI]:
    with OpenAI(base_url=base_url, api_key=deployment.key(), max_retries=0) as made:
        yield made


@pytest.mark.parametrize("kind", KINDS)
def test_a_plain_answer_carries_its_receipt(deployment: Deployment, base_url: str, kind: KeyKind) -> None:
    token = deployment.key(kind)
    with OpenAI(base_url=base_url, api_key=token) as client:
        answer: Any = client.chat.completions.create(model=MODEL, messages=HELLO)
    assert answer.choices[0].message.content == "Hello from the test provider."
    summary = answer.forge_receipt
    assert summary["wallet"] == kind.value
    receipt = Api(base_url, token).get(f"/receipts/{summary['id']}").json()
    assert recompute(receipt) == receipt["charge"] == summary["charge"]
    assert receipt["tokens"]["output"] == answer.usage.completion_tokens


@pytest.mark.parametrize("kind", KINDS)
def test_a_stream_carries_its_receipt_in_the_usage_chunk(deployment: Deployment, base_url: str, kind: KeyKind) -> None:
    token = deployment.key(kind)
    with OpenAI(base_url=base_url, api_key=token) as client:
        chunks: list[Any] = list(
            client.chat.completions.create(
                model=MODEL, messages=HELLO, stream=True, stream_options={"include_usage": True}
            )
        )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == "Hello from the test provider."
    assert chunks[-1].usage.total_tokens > 0
    assert chunks[-1].forge_receipt["wallet"] == kind.value
    receipt = Api(base_url, token).get(f"/receipts/{chunks[-1].forge_receipt['id']}").json()
    assert recompute(receipt) == receipt["charge"]


def test_the_streaming_helper_and_the_async_client_work_too(deployment: Deployment, base_url: str) -> None:
    token = deployment.key()

    async def call() -> str:
        async with (
            AsyncOpenAI(base_url=base_url, api_key=token) as client,
            client.chat.completions.stream(model=MODEL, messages=HELLO) as stream,
        ):
            return (await stream.get_final_completion()).choices[0].message.content or ""

    assert asyncio.run(call()) == "Hello from the test provider."


def test_tool_calls_pass_through(client: OpenAI, upstream: Upstream) -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "look_up", "arguments": '{"q": "x"}'}}
    upstream.script(Behaviour(text="", tool_calls=(call,)), Behaviour(text="", tool_calls=(call,)))
    tools: Any = [
        {
            "type": "function",
            "function": {"name": "look_up", "parameters": {"type": "object", "properties": {}}},
        }
    ]
    whole: Any = client.chat.completions.create(model=MODEL, messages=HELLO, tools=tools)
    assert whole.choices[0].message.tool_calls[0].function.arguments == '{"q": "x"}'
    assert whole.choices[0].finish_reason == "tool_calls"
    with client.chat.completions.stream(model=MODEL, messages=HELLO, tools=tools) as stream:
        final = stream.get_final_completion()
    streamed = final.choices[0].message.tool_calls
    assert streamed is not None and streamed[0].function.arguments == '{"q": "x"}'
    assert whole.forge_receipt["settlement_reason"] == "completed"


def test_models_are_listed_and_read(client: OpenAI) -> None:
    listed = [model.id for model in client.models.list()]
    assert {"gpt-4o", "gpt-4o-mini", "text-embedding-3-small"} <= set(listed)
    assert client.models.retrieve(MODEL).id == MODEL


def test_errors_reach_the_program_with_class_code_and_amounts(
    deployment: Deployment, base_url: str, client: OpenAI, upstream: Upstream
) -> None:
    poor = deployment.other_account()
    with (
        OpenAI(base_url=base_url, api_key=poor.key()) as broke,
        pytest.raises(openai.APIStatusError) as refused,
    ):
        broke.chat.completions.create(model=MODEL, messages=HELLO)
    assert (refused.value.status_code, refused.value.code) == (402, "insufficient_quota")
    assert isinstance(refused.value.body, dict) and refused.value.body["forge"]["wallet"] == "official"
    assert upstream.requests == [], "and a 402 is never retried"

    with pytest.raises(openai.NotFoundError) as unknown:
        client.chat.completions.create(model="gpt-99", messages=HELLO)
    assert unknown.value.code == "model_not_found"
    with pytest.raises(openai.BadRequestError) as wrong:
        client.chat.completions.create(model=MODEL, messages=HELLO, max_tokens=0)
    assert wrong.value.param == "max_tokens"
    with OpenAI(base_url=base_url, api_key="tf_none") as stranger, pytest.raises(openai.AuthenticationError):
        stranger.models.list()


def test_the_sdk_retries_a_provider_failure_and_pays_once(
    deployment: Deployment, base_url: str, upstream: Upstream
) -> None:
    upstream.script(error(500, retry_after="1"))
    token = deployment.key()
    with OpenAI(base_url=base_url, api_key=token) as client:
        answer: Any = client.chat.completions.create(model=MODEL, messages=HELLO)
    assert answer.choices[0].message.content
    reasons = [receipt["settlement_reason"] for receipt in Api(base_url, token).get("/receipts").json()["data"]]
    assert reasons == ["completed", "upstream_failed"]


def test_a_stream_that_breaks_raises_in_the_program(client: OpenAI, upstream: Upstream) -> None:
    from tests.support.behaviour import error_frame

    upstream.script(error_frame())
    with pytest.raises(openai.APIError):
        list(client.chat.completions.create(model=MODEL, messages=HELLO, stream=True))


@pytest.mark.parametrize("streamed", [False, True])
def test_a_timeout_shorter_than_the_provider_costs_one_call_and_one_charge_and_the_answer_arrives(
    deployment: Deployment, base_url: str, upstream: Upstream, streamed: bool
) -> None:
    upstream.script(Behaviour(text="worth waiting for", delay_s=0.9))
    token = deployment.key()
    with OpenAI(base_url=base_url, api_key=token, timeout=0.4, max_retries=4) as client:
        answer: Any = client.chat.completions.create(model=MODEL, messages=HELLO, stream=streamed)
        text = (
            "".join(c.choices[0].delta.content or "" for c in answer) if streamed else answer.choices[0].message.content
        )
    assert text == "worth waiting for"
    assert len(upstream.requests) == 1
    receipts = Api(base_url, token).get("/receipts").json()["data"]
    assert [receipt["settlement_reason"] for receipt in receipts] == ["completed"]
    assert deployment.wallet().debits_total_nano > 0 and deployment.wallet().holds == {}
