"""Embeddings and older completions: prompts as texts or tokens, vectors in the encoding that was asked for, echoes."""

from __future__ import annotations

import base64
import json
import struct
from dataclasses import replace
from typing import Any

import pytest

from tests.unit.builders import MODEL, NOW_MS, PRICE, catalog, key
from tokens_forge.endpoints import OPENAI, Endpoint
from tokens_forge.errors import RequestError
from tokens_forge.policy import decide
from tokens_forge.pricing import Usage
from tokens_forge.providers.port import UpstreamFailure
from tokens_forge.providers.wire import WholeAnswer
from tokens_forge.providers.wires import WIRES
from tokens_forge.quotes import Quote, affordable_output_each, clamp, quote
from tokens_forge.requests.completions import parse_completions
from tokens_forge.requests.embeddings import parse_embeddings
from tokens_forge.requests.parsers import PARSERS
from tokens_forge.requests.prompts import count_prompts

VECTOR = [0.5, -0.25, 1.0]
PACKED = base64.b64encode(struct.pack("<3f", *VECTOR)).decode()


def asked(endpoint: Endpoint, **fields: Any) -> Quote:
    found = catalog(models={"small": replace(MODEL, endpoints=tuple(Endpoint))})
    request = PARSERS[endpoint]({"model": "small", **fields})
    return quote(decide(key(), "USD", "small", found, NOW_MS, endpoint), request)


def embedded(body: Any, **fields: Any) -> WholeAnswer:
    wire = WIRES[Endpoint.EMBEDDINGS, OPENAI]
    return wire.whole(json.dumps(body).encode(), asked(Endpoint.EMBEDDINGS, **{"input": "hi", **fields}), 1)


@pytest.mark.parametrize(
    ("given", "count", "text_bytes", "token_count"),
    [
        ("hé", 1, 5, 0),
        (["a", "bc"], 2, 7, 0),
        ([1, 2, 3], 1, 0, 3),
        ([[1, 2], [3]], 2, 0, 3),
        (["a", [1, 2]], 2, 3, 2),
    ],
)
def test_texts_count_by_bytes_and_tokens_by_their_number(
    given: Any, count: int, text_bytes: int, token_count: int
) -> None:
    found = count_prompts(given, param="input", count_max=9)
    assert (found.count, found.text_bytes, found.token_count) == (count, text_bytes, token_count)


@pytest.mark.parametrize(
    "given", [None, "", [], [""], [[]], [1, "a"], [-1], [True], [1.0], [2**31], [{"a": 1}], {}, 5, ["a"] * 10]
)
def test_what_is_no_prompt_is_refused(given: Any) -> None:
    with pytest.raises(RequestError) as refused:
        count_prompts(given, param="input", count_max=9)
    assert refused.value.param == "input"


@pytest.mark.parametrize("sent", [VECTOR, PACKED])
@pytest.mark.parametrize(("wanted", "got"), [("base64", PACKED), ("float", VECTOR), (None, VECTOR)])
def test_a_vector_comes_in_the_encoding_that_was_asked_for(sent: Any, wanted: str | None, got: Any) -> None:
    fields = {"encoding_format": wanted} if wanted else {}
    answer = embedded({"data": [{"index": 0, "embedding": sent}], "usage": {"prompt_tokens": 2}}, **fields)
    assert answer.body["data"] == [{"index": 0, "embedding": got}]
    assert answer.usage == Usage(input=2) and answer.output_bytes == 1 and answer.body["model"] == "small"


@pytest.mark.parametrize(
    ("vector", "wanted"),
    [
        (None, "float"),
        (None, "base64"),
        ([], "float"),
        ([], "base64"),
        ("", "float"),
        ("", "base64"),
        ({}, "float"),
        ("not base64!", "float"),
        ("QQ==", "float"),
        (["a"], "base64"),
        ([10**400], "base64"),
    ],
)
def test_what_is_no_vector_is_garbage(vector: Any, wanted: str) -> None:
    with pytest.raises(UpstreamFailure, match="garbage"):
        embedded({"data": [{"embedding": vector}]}, encoding_format=wanted)


@pytest.mark.parametrize("body", [{}, {"data": "x"}, {"data": [5]}])
def test_an_answer_without_a_list_of_vectors_is_garbage(body: Any) -> None:
    with pytest.raises(UpstreamFailure, match="garbage"):
        embedded(body)


def test_an_embedding_has_no_output_to_hold_for_or_to_clamp() -> None:
    whole = asked(Endpoint.EMBEDDINGS, input=["hi", "there"])
    assert (whole.output_tokens_max, whole.input_tokens_max) == (0, len('"hi""there"') + 32 + 2 * 8)
    assert clamp(whole, whole.max_charge_nano - 1) is None


def test_every_answer_that_is_made_is_held_for() -> None:
    whole = asked(Endpoint.COMPLETIONS, prompt=["a", "b"], n=2, best_of=5, max_tokens=10)
    assert whole.output_tokens_max == 2 * 5 * 10
    assert whole.request.text_bytes == len('"a""b"')


def test_an_echo_is_held_for_and_not_counted_as_output() -> None:
    fields = {"prompt": "hello", "echo": True, "max_tokens": 10, "n": 2}
    whole = asked(Endpoint.COMPLETIONS, **fields)
    assert whole.output_tokens_max == 2 * (10 + len('"hello"'))
    choices = [{"index": index, "text": '"hello"' + "four", "finish_reason": "stop"} for index in range(2)]
    answer = WIRES[Endpoint.COMPLETIONS, OPENAI].whole(json.dumps({"choices": choices}).encode(), whole, 1)
    assert answer.output_bytes == 8
    reader = WIRES[Endpoint.COMPLETIONS, OPENAI].reader(whole, "r", 1)
    reader.take(json.dumps({"choices": choices}).encode())
    assert reader.output_bytes == 8 and reader.finished


def test_what_is_billed_beside_the_limit_is_left_out_of_what_is_affordable() -> None:
    whole = asked(Endpoint.CHAT, messages=[{"role": "user", "content": "hi"}], prediction={"content": "x" * 84})
    beside = whole.request.output_tokens_beside
    assert beside == len('{"content":""}') + 84
    smaller = whole.with_output(500)
    assert affordable_output_each(whole, smaller.max_charge_nano) == 500
    clamped = clamp(whole, smaller.max_charge_nano)
    assert clamped == smaller and clamped.max_charge_nano > 500 * PRICE.unit_prices.output // 10**6


def test_a_completion_is_sent_with_the_limit_that_was_held_for() -> None:
    whole = asked(Endpoint.COMPLETIONS, prompt="hi", stream=True)
    sent = json.loads(WIRES[Endpoint.COMPLETIONS, OPENAI].body(whole, whole.offer.primary))
    assert sent == {
        "model": "small-x",
        "prompt": "hi",
        "max_tokens": 1_000,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    assert parse_completions({"model": "small", "prompt": "hi"}).output_tokens_asked is None
    assert parse_embeddings({"model": "small", "input": "hi"}).makes_output is False
