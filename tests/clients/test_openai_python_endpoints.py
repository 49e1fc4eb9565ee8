"""The official Python SDK, unmodified, over real HTTP: embeddings, older completions, responses."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI, OpenAI

from tests.support.behaviour import Behaviour, Break
from tests.support.deployment import MODEL
from tests.support.embeddings_wire import VECTOR
from tests.support.http import Api
from tests.support.upstream import Upstream

EMBEDDINGS_MODEL = "text-embedding-3-small"
INSTRUCT_MODEL = "gpt-3.5-turbo-instruct"
CALL = {"id": "call_1", "type": "function", "function": {"name": "look_up", "arguments": '{"q": "x"}'}}


@pytest.fixture
def client(api: Api) -> Iterator[OpenAI]:
    with OpenAI(base_url=api.base_url, api_key=api.token, max_retries=0) as made:
        yield made


@pytest.mark.parametrize("floats_only", [False, True])
def test_embeddings_are_read_whatever_encoding_the_provider_uses(
    client: OpenAI, api: Api, upstream: Upstream, floats_only: bool
) -> None:
    upstream.script(Behaviour(floats_only=floats_only))
    answer: Any = client.embeddings.create(model=EMBEDDINGS_MODEL, input=["one two", "three"])
    assert upstream.requests[0].json["encoding_format"] == "base64", "the SDK asks for it by itself"
    assert [tuple(one.embedding) for one in answer.data] == [VECTOR, VECTOR]
    assert answer.usage.prompt_tokens == 3
    assert api.explained(answer.forge_receipt)["tokens"]["input"] == 3


def test_embeddings_as_floats_and_of_tokens(client: OpenAI) -> None:
    answer = client.embeddings.create(model=EMBEDDINGS_MODEL, input=[[1, 2, 3], [4]], encoding_format="float")
    assert [tuple(one.embedding) for one in answer.data] == [VECTOR, VECTOR] and answer.usage.prompt_tokens == 4


def test_an_older_completion_whole_and_streamed(client: OpenAI, api: Api) -> None:
    whole: Any = client.completions.create(model=INSTRUCT_MODEL, prompt=["a b", "c"], n=2, max_tokens=20)
    assert [choice.text for choice in whole.choices] == ["Hello from the test provider."] * 4
    assert api.explained(whole.forge_receipt)["tokens"]["output"] == 20
    chunks: list[Any] = list(
        client.completions.create(
            model=INSTRUCT_MODEL, prompt="a b", stream=True, stream_options={"include_usage": True}
        )
    )
    assert "".join(choice.text for chunk in chunks for choice in chunk.choices) == "Hello from the test provider."
    assert chunks[-1].usage.completion_tokens == 5
    api.explained(chunks[-1].forge_receipt)
    without: list[Any] = list(client.completions.create(model=INSTRUCT_MODEL, prompt="a b", stream=True))
    assert all(chunk.choices for chunk in without), "no usage chunk that was not asked for"


def test_a_response_whole(client: OpenAI, api: Api, upstream: Upstream) -> None:
    answer: Any = client.responses.create(model=MODEL, input="Say hello.")
    assert answer.output_text == "Hello from the test provider." and answer.model == MODEL
    assert answer.usage.input_tokens_details.cached_tokens == 0
    assert api.explained(answer.forge_receipt)["endpoint"] == "responses"
    assert upstream.requests[0].json["store"] is False


@pytest.mark.parametrize(("status", "event"), [(None, "response.completed"), ("incomplete", "response.incomplete")])
def test_a_response_streamed(client: OpenAI, api: Api, upstream: Upstream, status: str | None, event: str) -> None:
    upstream.script(Behaviour(finish_reason=status))
    events: list[Any] = list(client.responses.create(model=MODEL, input="Say hello.", stream=True))
    assert [events[0].type, events[-1].type] == ["response.created", event]
    deltas = [one.delta for one in events if one.type == "response.output_text.delta"]
    assert "".join(deltas) == "Hello from the test provider."
    usage = events[-1].response.usage
    assert (usage.input_tokens_details.cached_tokens, usage.output_tokens_details.reasoning_tokens) == (0, 0)
    api.explained(events[-1].response.forge_receipt)


def test_the_helper_for_streams_of_responses_and_the_async_client(api: Api) -> None:
    async def call() -> str:
        async with (
            AsyncOpenAI(base_url=api.base_url, api_key=api.token) as client,
            client.responses.stream(model=MODEL, input="Say hello.") as stream,
        ):
            return (await stream.get_final_response()).output_text

    assert asyncio.run(call()) == "Hello from the test provider."


def test_tool_calls_of_responses(client: OpenAI, upstream: Upstream) -> None:
    upstream.script(Behaviour(text="", tool_calls=(CALL,)), Behaviour(text="", tool_calls=(CALL,)))
    tools: Any = [
        {"type": "function", "name": "look_up", "parameters": {"type": "object", "properties": {}}, "strict": False}
    ]
    whole: Any = client.responses.create(model=MODEL, input="x", tools=tools)
    assert (whole.output[0].type, whole.output[0].arguments) == ("function_call", '{"q": "x"}')
    with client.responses.stream(model=MODEL, input="x", tools=tools) as stream:
        streamed: Any = stream.get_final_response()
    assert streamed.output[0].arguments == '{"q": "x"}' and streamed.forge_receipt["settlement_reason"] == "completed"
    again: Any = [
        {"role": "user", "content": "x"},
        {"type": "function_call", "call_id": "call_1", "name": "look_up", "arguments": '{"q": "x"}'},
        {"type": "function_call_output", "call_id": "call_1", "output": "found"},
    ]
    assert client.responses.create(model=MODEL, input=again, tools=tools).output_text


def test_a_stream_of_a_response_that_breaks_is_seen_as_failed(client: OpenAI, api: Api, upstream: Upstream) -> None:
    upstream.script(Behaviour(text="one two three four", break_at=Break.CLOSE_MID_STREAM, after_frames=6))
    events: list[Any] = list(client.responses.create(model=MODEL, input="x", stream=True))
    last = events[-1]
    assert last.type == "response.failed" and last.response.error.code == "server_error"
    assert last.response.id == events[0].response.id
    usage = last.response.usage
    assert (usage.input_tokens_details.cached_tokens, usage.output_tokens_details.reasoning_tokens) == (0, 0)
    assert api.explained(last.response.forge_receipt)["settlement_reason"] == "upstream_broke"


def test_what_is_not_offered_is_refused_by_name(client: OpenAI, upstream: Upstream) -> None:
    for fields in (
        {"store": True},
        {"background": True},
        {"previous_response_id": "resp_1"},
        {"tools": [{"type": "web_search"}]},
    ):
        with pytest.raises(openai.BadRequestError) as refused:
            client.responses.create(model=MODEL, input="x", **fields)
        assert refused.value.param in ("store", "background", "previous_response_id", "tools.0.type")
    with pytest.raises(openai.NotFoundError) as elsewhere:
        client.embeddings.create(model=MODEL, input="x")
    assert "/v1/chat/completions" in str(elsewhere.value)
    assert upstream.requests == []


def test_a_model_of_anthropics_answers_openais_client(client: OpenAI, api: Api, upstream: Upstream) -> None:
    upstream.script(Behaviour(), Behaviour(text="", tool_calls=(CALL,)), Behaviour(text="", tool_calls=(CALL,)))
    hello: Any = {"model": "claude-haiku-4-5", "messages": [{"role": "user", "content": "Say hello."}]}
    tools: Any = [
        {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object", "properties": {}}}}
    ]
    answer: Any = client.chat.completions.create(**hello)
    assert (
        answer.choices[0].message.content == "Hello from the test provider."
        and answer.choices[0].finish_reason == "stop"
    )
    assert api.explained(answer.forge_receipt)["route"] == "claude-official"
    called = client.chat.completions.create(**hello, tools=tools).choices[0]
    assert called.message.tool_calls and called.message.tool_calls[0].function.arguments == '{"q": "x"}'
    with client.chat.completions.stream(**hello, tools=tools) as stream:
        streamed = stream.get_final_completion().choices[0]
    assert streamed.finish_reason == "tool_calls"
    assert streamed.message.tool_calls and streamed.message.tool_calls[0].function.arguments == '{"q": "x"}'
    assert all(request.path == "/v1/messages" for request in upstream.requests)


OPENAIS_COUNT = {"prompt_tokens": 100, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 60}}
ANTHROPICS_COUNT = {"input_tokens": 40, "cache_read_input_tokens": 60, "output_tokens": 5}


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(("model", "count"), [(MODEL, OPENAIS_COUNT), ("claude-haiku-4-5", ANTHROPICS_COUNT)])
def test_prompt_tokens_include_what_was_read_from_a_cache(
    client: OpenAI, api: Api, upstream: Upstream, model: str, count: Any, streamed: bool
) -> None:
    upstream.script(Behaviour(usage=count))
    hello: Any = {"model": model, "messages": [{"role": "user", "content": "Say hello."}]}
    if streamed:
        *_, answer = client.chat.completions.create(**hello, stream=True, stream_options={"include_usage": True})
    else:
        answer = client.chat.completions.create(**hello)
    found: Any = answer
    assert (found.usage.prompt_tokens, found.usage.prompt_tokens_details.cached_tokens) == (100, 60)
    tokens = api.explained(found.forge_receipt)["tokens"]
    assert (tokens["input"], tokens["cached_input"], tokens["output"]) == (40, 60, 5)
