"""The official Python SDK, unmodified, over real HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from pydantic import BaseModel

from tests.support.behaviour import Behaviour, error, error_frame
from tests.support.deployment import MODEL, Deployment
from tests.support.http import Api
from tests.support.upstream import Upstream
from tokens_forge.keys import KeyKind

HELLO: Any = [{"role": "user", "content": "Say hello."}]
GREETING = "Hello from the test provider."
KINDS = [KeyKind.OFFICIAL, KeyKind.ROUTED]


@pytest.fixture
def client(api: Api) -> Iterator[OpenAI]:
    with OpenAI(base_url=api.base_url, api_key=api.token, max_retries=0) as made:
        yield made


@pytest.mark.parametrize("kind", KINDS)
def test_a_plain_answer_carries_its_receipt(deployment: Deployment, base_url: str, kind: KeyKind) -> None:
    token = deployment.key(kind)
    with OpenAI(base_url=base_url, api_key=token) as client:
        answer: Any = client.chat.completions.create(model=MODEL, messages=HELLO)
    assert answer.choices[0].message.content == GREETING
    assert answer.forge_receipt["wallet"] == kind.value
    receipt = Api(base_url, token).explained(answer.forge_receipt)
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
    assert text == GREETING
    assert chunks[-1].usage.total_tokens > 0
    assert chunks[-1].forge_receipt["wallet"] == kind.value
    Api(base_url, token).explained(chunks[-1].forge_receipt)


def test_the_async_client_answers_streams_and_helps_with_streams(api: Api) -> None:
    async def call() -> list[str]:
        async with AsyncOpenAI(base_url=api.base_url, api_key=api.token) as client:
            chat = client.chat.completions
            whole = await chat.create(model=MODEL, messages=HELLO)
            chunks: Any = await chat.create(model=MODEL, messages=HELLO, stream=True)
            pieces = [chunk.choices[0].delta.content or "" async for chunk in chunks]
            async with chat.stream(model=MODEL, messages=HELLO) as stream:
                final = await stream.get_final_completion()
            return [whole.choices[0].message.content or "", "".join(pieces), final.choices[0].message.content or ""]

    assert asyncio.run(call()) == [GREETING] * 3
    assert api.reasons() == ["completed"] * 3


def test_the_streaming_helper_tells_of_each_piece(client: OpenAI) -> None:
    with client.chat.completions.stream(model=MODEL, messages=HELLO, stream_options={"include_usage": True}) as stream:
        events = list(stream)
        final = stream.get_final_completion()
    assert "".join(event.delta for event in events if event.type == "content.delta") == GREETING
    assert [event.content for event in events if event.type == "content.done"] == [GREETING]
    assert final.usage is not None and final.usage.completion_tokens == 5


def test_raw_answers_show_the_headers(client: OpenAI, api: Api) -> None:
    raw = client.chat.completions.with_raw_response.create(model=MODEL, messages=HELLO)
    answer: Any = raw.parse()
    assert raw.headers["x-forge-receipt-id"] == answer.forge_receipt["id"] and answer._request_id
    assert raw.headers["x-forge-charge"] == f"{answer.forge_receipt['charge']} USD"
    with client.chat.completions.with_streaming_response.create(model=MODEL, messages=HELLO, stream=True) as streamed:
        assert streamed.headers["x-forge-wallet"] == "official"
        lines = list(streamed.iter_lines())
    assert lines[-2:] == ["data: [DONE]", ""] and api.reasons() == ["completed", "completed"]


def test_structured_output_is_parsed_whole_and_streamed(client: OpenAI, upstream: Upstream) -> None:
    class City(BaseModel):
        name: str

    upstream.default = Behaviour(text='{"name": "Oslo"}')
    whole = client.chat.completions.parse(model=MODEL, messages=HELLO, response_format=City)
    with client.chat.completions.stream(model=MODEL, messages=HELLO, response_format=City) as stream:
        streamed = stream.get_final_completion()
    assert [one.choices[0].message.parsed for one in (whole, streamed)] == [City(name="Oslo")] * 2
    response = client.responses.parse(model=MODEL, input="Name a city.", text_format=City)
    assert response.output_parsed == City(name="Oslo")
    assert upstream.requests[0].json["response_format"]["type"] == "json_schema"
    assert upstream.requests[2].json["text"]["format"]["type"] == "json_schema"


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
    assert Api(base_url, token).reasons() == ["upstream_failed", "completed"]


def test_a_stream_that_breaks_raises_in_the_program(client: OpenAI, upstream: Upstream) -> None:
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
