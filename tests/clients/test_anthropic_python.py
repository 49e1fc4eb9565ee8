"""Anthropic's official Python SDK, unmodified, over real HTTP: to a channel that speaks its protocol, and to one that does not."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import anthropic
import pytest
from anthropic import Anthropic, AsyncAnthropic
from pydantic import BaseModel

from tests.support.behaviour import Behaviour, Break, error
from tests.support.deployment import MODEL, Deployment
from tests.support.http import Api
from tests.support.upstream import Upstream
from tests.support.ways import Way
from tokens_forge.endpoints import OPENAI, Endpoint

NATIVE = "claude-haiku-4-5"
EITHER = pytest.mark.parametrize("model", [NATIVE, MODEL], ids=["native", "translated"])
HELLO: Any = {"max_tokens": 50, "messages": [{"role": "user", "content": "Say hello."}]}
GREETING = "Hello from the test provider."
CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Oslo"}'}}
TOOLS: Any = [{"name": "weather", "description": "The weather", "input_schema": {"type": "object", "properties": {}}}]


@pytest.fixture(autouse=True)
def sold_on_messages(deployment: Deployment, upstream: Upstream) -> None:
    """A model of OpenAI's is sold on Anthropic's endpoint too."""
    Way(Endpoint.MESSAGES, OPENAI).install(deployment, upstream.base_url)


def root(api: Api) -> str:
    """Anthropic's clients add `/v1` by themselves."""
    return api.base_url.removesuffix("/v1")


@pytest.fixture
def client(api: Api) -> Iterator[Anthropic]:
    with Anthropic(base_url=root(api), api_key=api.token, max_retries=0) as made:
        yield made


@EITHER
def test_an_answer_carries_its_receipt(client: Anthropic, api: Api, model: str) -> None:
    answer: Any = client.messages.create(model=model, **HELLO)
    assert [block.text for block in answer.content] == [GREETING]
    assert (answer.model, answer.role, answer.stop_reason) == (model, "assistant", "end_turn")
    receipt = api.explained(answer.forge_receipt)
    assert (receipt["endpoint"], receipt["tokens"]["output"]) == ("messages", answer.usage.output_tokens)
    assert answer.usage.input_tokens == 2
    assert answer._request_id, "support asks for it"


@EITHER
def test_the_streaming_helper_puts_the_answer_together(client: Anthropic, api: Api, model: str) -> None:
    with client.messages.stream(model=model, **HELLO) as stream:
        events: list[Any] = list(stream)
        final = stream.get_final_message()
    assert "".join(event.text for event in events if event.type == "text") == GREETING
    assert [block.text for block in final.content if block.type == "text"] == [GREETING]
    assert (final.stop_reason, final.usage.input_tokens, final.usage.output_tokens) == ("end_turn", 2, 5)
    [last] = [event for event in events if event.type == "message_delta"]
    assert api.explained(last.forge_receipt)["tokens"]["output"] == 5


def test_the_async_client_and_the_stream_of_texts(api: Api) -> None:
    async def call() -> tuple[str, str]:
        async with AsyncAnthropic(base_url=root(api), api_key=api.token) as client:
            whole: Any = await client.messages.create(model=NATIVE, **HELLO)
            async with client.messages.stream(model=NATIVE, **HELLO) as stream:
                return whole.content[0].text, "".join([text async for text in stream.text_stream])

    assert asyncio.run(call()) == (GREETING, GREETING)
    assert api.reasons() == ["completed", "completed"]


@EITHER
def test_a_tool_is_called_and_its_result_sent_back(client: Anthropic, upstream: Upstream, model: str) -> None:
    upstream.script(Behaviour(text="", tool_calls=(CALL,)), Behaviour(text="", tool_calls=(CALL,)))
    whole: Any = client.messages.create(model=model, tools=TOOLS, **HELLO)
    with client.messages.stream(model=model, tools=TOOLS, **HELLO) as stream:
        streamed: Any = stream.get_final_message()
    for answer in (whole, streamed):
        [use] = answer.content
        assert (use.type, use.name, use.input, answer.stop_reason) == (
            "tool_use",
            "weather",
            {"city": "Oslo"},
            "tool_use",
        )
    result = {"type": "tool_result", "tool_use_id": whole.content[0].id, "content": "rain"}
    conversation: Any = [
        *HELLO["messages"],
        {"role": "assistant", "content": whole.content},
        {"role": "user", "content": [result]},
    ]
    last: Any = client.messages.create(model=model, tools=TOOLS, max_tokens=50, messages=conversation)
    assert last.content[0].text == GREETING
    assert "rain" in upstream.requests[-1].body.decode() and "call_1" in upstream.requests[-1].body.decode()


def test_structured_output_is_parsed(client: Anthropic, upstream: Upstream) -> None:
    class City(BaseModel):
        name: str

    upstream.script(Behaviour(text='{"name": "Oslo"}'))
    answer = client.messages.parse(model=NATIVE, output_format=City, **HELLO)
    assert answer.parsed_output == City(name="Oslo")
    assert upstream.requests[0].json["output_config"]["format"]["type"] == "json_schema"


def test_what_was_read_from_a_cache_is_beside_the_input_tokens(client: Anthropic, api: Api, upstream: Upstream) -> None:
    usage = {"input_tokens": 10, "cache_read_input_tokens": 60, "cache_creation_input_tokens": 30, "output_tokens": 5}
    upstream.script(Behaviour(usage=usage))
    answer: Any = client.messages.create(model=NATIVE, **HELLO)
    assert (answer.usage.input_tokens, answer.usage.cache_read_input_tokens) == (10, 60)
    tokens = api.explained(answer.forge_receipt)["tokens"]
    assert [tokens[name] for name in ("input", "cached_input", "cache_write")] == [10, 60, 30]


def test_errors_reach_the_program_as_its_own_exceptions_with_our_class(
    deployment: Deployment, client: Anthropic, api: Api, upstream: Upstream
) -> None:
    def refusal(called: Anthropic, expected: type[anthropic.APIStatusError], **fields: Any) -> tuple[Any, Any, Any]:
        with pytest.raises(expected) as refused:
            called.messages.create(**{"model": NATIVE, **HELLO, **fields})
        found: Any = refused.value.body
        assert found["type"] == "error" and refused.value.type == found["error"]["type"]
        assert refused.value.request_id == refused.value.response.headers["x-request-id"]
        return refused.value.type, found["error"]["code"], found["error"]["forge"]["class"]

    with Anthropic(base_url=root(api), api_key=deployment.other_account().key()) as poor:
        assert refusal(poor, anthropic.PaymentRequiredError) == ("billing_error", "insufficient_quota", "balance")
    with Anthropic(base_url=root(api), api_key="tf_none") as stranger:
        found = refusal(stranger, anthropic.AuthenticationError)
        assert found == ("authentication_error", "invalid_api_key", "key_permission")
    found = refusal(client, anthropic.NotFoundError, model="claude-99")
    assert found == ("not_found_error", "model_not_found", "model_availability")
    found = refusal(client, anthropic.BadRequestError, max_tokens=0)
    assert found == ("invalid_request_error", "invalid_request", "request")
    with Anthropic(base_url=root(api), api_key=deployment.key(allowed_models=frozenset({MODEL}))) as narrow:
        found = refusal(narrow, anthropic.PermissionDeniedError)
        assert found == ("permission_error", "model_not_allowed", "key_permission")
    assert upstream.requests == [], "and a 402 was not tried again"
    upstream.script(error(500))
    found = refusal(client, anthropic.InternalServerError)
    assert found == ("overloaded_error", "no_healthy_route", "provider_health")


@EITHER
def test_a_stream_that_breaks_raises_in_the_program(
    client: Anthropic, api: Api, upstream: Upstream, model: str
) -> None:
    upstream.script(Behaviour(text="one two three four", break_at=Break.CLOSE_MID_STREAM, after_frames=5))
    with (
        pytest.raises(anthropic.APIStatusError, match="broke off"),
        client.messages.stream(model=model, **HELLO) as stream,
    ):
        stream.until_done()
    assert api.reasons() == ["upstream_broke"]


def test_the_sdk_tries_a_failure_again_and_pays_once(api: Api, upstream: Upstream) -> None:
    upstream.script(error(500, retry_after="1"))
    with Anthropic(base_url=root(api), api_key=api.token) as client:
        answer: Any = client.messages.create(model=NATIVE, **HELLO)
    assert answer.content[0].text == GREETING and api.reasons() == ["upstream_failed", "completed"]


@pytest.mark.parametrize(("model", "streamed"), [(NATIVE, False), (MODEL, True)], ids=["native", "translated stream"])
def test_a_timeout_shorter_than_the_provider_costs_one_call_and_one_charge_and_the_answer_arrives(
    deployment: Deployment, api: Api, upstream: Upstream, model: str, streamed: bool
) -> None:
    upstream.script(Behaviour(text="worth waiting for", delay_s=0.9))
    with Anthropic(base_url=root(api), api_key=api.token, timeout=0.4, max_retries=4) as client:
        if streamed:
            with client.messages.stream(model=model, **HELLO) as stream:
                text = stream.get_final_text()
        else:
            whole: Any = client.messages.create(model=model, **HELLO)
            text = whole.content[0].text
    assert text == "worth waiting for"
    assert len(upstream.requests) == 1 and api.reasons() == ["completed"]
    assert deployment.wallet().debits_total_nano > 0 and deployment.wallet().holds == {}


def test_models_are_listed(client: Anthropic) -> None:
    assert {NATIVE, MODEL} <= {model.id for model in client.models.list()}
    assert client.models.retrieve(NATIVE).id == NATIVE
