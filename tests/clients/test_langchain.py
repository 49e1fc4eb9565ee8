"""LangChain's OpenAI classes, unmodified, over real HTTP."""

from __future__ import annotations

import asyncio
from typing import Any

import openai
import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from pydantic import BaseModel, SecretStr

from tests.support.behaviour import Behaviour, error
from tests.support.deployment import MODEL, Deployment
from tests.support.embeddings_wire import VECTOR
from tests.support.http import Api
from tests.support.upstream import Upstream

GREETING = "Hello from the test provider."
CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Oslo"}'}}


@tool
def weather(city: str) -> str:
    """The weather of a city."""
    return f"rain in {city}"


def model(api: Api, **fields: Any) -> ChatOpenAI:
    return ChatOpenAI(
        **{"model": MODEL, "base_url": api.base_url, "api_key": SecretStr(api.token or ""), "max_retries": 0, **fields}
    )


@pytest.mark.parametrize("responses", [False, True], ids=["chat", "responses"])
def test_an_answer_arrives_with_its_usage_and_is_charged(api: Api, responses: bool) -> None:
    answer = model(api, use_responses_api=responses).invoke("Say hello.")
    assert answer.text == GREETING
    assert answer.usage_metadata is not None and answer.usage_metadata["output_tokens"] == 5
    [receipt] = api.get("/receipts").json()["data"]
    assert receipt["settlement_reason"] == "completed" and receipt["charge"] != "0.00"


@pytest.mark.parametrize("responses", [False, True], ids=["chat", "responses"])
def test_a_stream_arrives_in_pieces_that_add_up(api: Api, responses: bool) -> None:
    pieces = list(model(api, use_responses_api=responses, stream_usage=True).stream("Say hello."))
    whole = pieces[0]
    for piece in pieces[1:]:
        whole += piece
    assert isinstance(whole, AIMessageChunk) and len(pieces) > 3
    assert whole.text == GREETING
    assert whole.usage_metadata is not None and whole.usage_metadata["output_tokens"] == 5
    assert api.reasons() == ["completed"]


def test_the_async_interface(api: Api) -> None:
    async def call() -> tuple[str, str]:
        asked = model(api)
        whole = await asked.ainvoke("Say hello.")
        return whole.text, "".join([piece.text async for piece in asked.astream("Say hello.")])

    assert asyncio.run(call()) == (GREETING, GREETING)


def test_a_tool_is_called_and_its_result_sent_back(api: Api, upstream: Upstream) -> None:
    upstream.script(Behaviour(text="", tool_calls=(CALL,)), Behaviour(text="", tool_calls=(CALL,)))
    asked = model(api).bind_tools([weather])
    answer = asked.invoke("How is the weather?")
    assert isinstance(answer, AIMessage)
    [call] = answer.tool_calls
    assert (call["name"], call["args"]) == ("weather", {"city": "Oslo"})
    streamed = AIMessageChunk(content="")
    for piece in asked.stream("How is the weather?"):
        streamed = streamed + piece  # type: ignore[assignment]
    assert streamed.tool_calls == answer.tool_calls
    result = weather.invoke(call)
    assert isinstance(result, ToolMessage)
    assert asked.invoke([HumanMessage("How is the weather?"), answer, result]).text == GREETING
    assert upstream.requests[-1].json["messages"][-1]["content"] == "rain in Oslo"


def test_structured_output_is_parsed(api: Api, upstream: Upstream) -> None:
    class City(BaseModel):
        name: str

    upstream.script(Behaviour(text='{"name": "Oslo"}'))
    assert model(api).with_structured_output(City).invoke("Name a city.") == City(name="Oslo")
    assert upstream.requests[0].json["response_format"]["type"] == "json_schema"


def test_embeddings_of_queries_and_documents(api: Api) -> None:
    embeddings = OpenAIEmbeddings(
        model="text-embedding-3-small",
        base_url=api.base_url,
        api_key=SecretStr(api.token or ""),
        check_embedding_ctx_length=False,  # or it fetches a tokeniser from the network
    )
    assert tuple(embeddings.embed_query("hello")) == VECTOR
    assert [tuple(vector) for vector in embeddings.embed_documents(["one", "two"])] == [VECTOR, VECTOR]
    assert api.reasons() == ["completed", "completed"]


def test_errors_reach_the_program_with_code_and_class(deployment: Deployment, api: Api, upstream: Upstream) -> None:
    poor = Api(api.base_url, deployment.other_account().key())
    with pytest.raises(openai.APIStatusError) as broke:
        model(poor, max_retries=2).invoke("Say hello.")
    assert (broke.value.status_code, broke.value.code) == (402, "insufficient_quota")
    assert isinstance(broke.value.body, dict) and broke.value.body["forge"]["class"] == "balance"
    with pytest.raises(openai.NotFoundError) as unknown:
        model(api, model="gpt-99").invoke("Say hello.")
    assert unknown.value.code == "model_not_found"
    with pytest.raises(openai.BadRequestError) as wrong:
        list(model(api, max_tokens=0).stream("Say hello."))
    assert wrong.value.code == "invalid_request"
    assert upstream.requests == []


def test_a_failure_is_tried_again_and_paid_once(api: Api, upstream: Upstream) -> None:
    upstream.script(error(500, retry_after="1"))
    assert model(api, max_retries=2).invoke("Say hello.").text == GREETING
    assert api.reasons() == ["upstream_failed", "completed"]
