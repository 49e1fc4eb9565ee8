"""Responses as a stream: passed on as they came, ended with usage and receipt in the protocol's own shape."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.unit.builders import MODEL, NOW_MS, catalog, key
from tokens_forge.endpoints import OPENAI, Endpoint
from tokens_forge.errors import StreamBroken
from tokens_forge.policy import decide
from tokens_forge.pricing import Usage
from tokens_forge.providers.openai_responses_stream import ResponsesReader
from tokens_forge.providers.port import UpstreamFailure
from tokens_forge.providers.wires import WIRES
from tokens_forge.quotes import Quote, quote
from tokens_forge.requests.responses import parse_responses

RECEIPT = {"id": "req_1"}
CREATED = {
    "type": "response.created",
    "sequence_number": 0,
    "response": {"id": "resp_1", "model": "small-x", "output": []},
}
DELTA = {"type": "response.output_text.delta", "sequence_number": 4, "delta": "Grüße", "obfuscation": "xyz"}
RAW_USAGE = {
    "input_tokens": 100,
    "output_tokens": 20,
    "input_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 30},
    "output_tokens_details": {"reasoning_tokens": 15},
}


def asked() -> Quote:
    found = catalog(models={"small": replace(MODEL, endpoints=(Endpoint.RESPONSES,))})
    request = parse_responses({"model": "small", "input": "hi", "stream": True})
    return quote(decide(key(), "USD", "small", found, NOW_MS, Endpoint.RESPONSES), request)


def reader() -> ResponsesReader:
    return ResponsesReader(asked(), "r", 1)


def take(one: ResponsesReader, event: dict[str, Any]) -> bytes | None:
    return one.take(json.dumps(event, ensure_ascii=False).encode())


def ended(status: str, **fields: Any) -> dict[str, Any]:
    response = {"id": "resp_1", "model": "small-x", "output": [], "status": status, **fields}
    return {"type": f"response.{status}", "sequence_number": 9, "response": response}


def data_of(event: bytes) -> dict[str, Any]:
    """The data of one event, which is named after its type."""
    name, data = event.decode().strip().split("\n")
    found: dict[str, Any] = json.loads(data.removeprefix("data: "))
    assert name == f"event: {found['type']}"
    return found


def test_text_passes_on_as_it_came_and_is_counted_once() -> None:
    one = reader()
    take(one, CREATED)
    payload = json.dumps(DELTA, ensure_ascii=False).encode()
    assert one.take(payload) == b"event: response.output_text.delta\ndata: " + payload + b"\n\n"
    assert one.output_bytes == len("Grüße".encode())
    assert one.take(payload[:-1] + b"\r}") is not None and one.output_bytes == 2 * len("Grüße".encode())


def test_a_carriage_return_cannot_break_an_event_in_two() -> None:
    one = reader()
    take(one, CREATED)
    passed = one.take(b'{"type": "response.output_text.delta",\r "delta": "x"}')
    assert passed is not None and b"\r" not in passed and data_of(passed)["delta"] == "x"


def test_the_first_event_carries_our_name_of_the_model() -> None:
    passed = take(reader(), CREATED)
    assert passed is not None and data_of(passed)["response"]["model"] == "small"


@pytest.mark.parametrize("status", ["completed", "incomplete"])
def test_the_last_event_carries_usage_with_details_and_the_receipt(status: str) -> None:
    one = reader()
    take(one, CREATED)
    assert take(one, ended(status, usage={"input_tokens": 100, "output_tokens": 20})) is None and one.finished
    response = data_of(one.closing(RECEIPT, Usage(input=1)))["response"]
    assert response["forge_receipt"] == RECEIPT and response["model"] == "small" and response["status"] == status
    assert response["usage"] == {
        "input_tokens": 100,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": 20,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 120,
    }


def test_usage_is_read_into_disjoint_buckets() -> None:
    one = reader()
    take(one, CREATED)
    take(one, ended("completed", usage=RAW_USAGE))
    assert one.usage == Usage(input=10, cached_input=60, cache_write=30, output=20, reasoning=15)


def test_without_a_report_the_client_is_told_what_the_receipt_counts() -> None:
    one = reader()
    take(one, CREATED)
    take(one, ended("completed", usage=None))
    assert one.usage is None
    assert data_of(one.closing(RECEIPT, Usage(input=7, output=3)))["response"]["usage"]["total_tokens"] == 10
    assert data_of(one.closing(RECEIPT, None))["response"]["usage"] is None, "the receipt is pending"


def test_a_stream_that_we_end_ends_as_failed_and_keeps_its_identity() -> None:
    one = reader()
    take(one, CREATED)
    take(one, DELTA)
    assert not one.finished
    last = data_of(one.broken(StreamBroken("It broke."), RECEIPT, Usage(input=7, output=3)))
    assert (last["type"], last["sequence_number"]) == ("response.failed", 5)
    response = last["response"]
    assert (response["id"], response["status"], response["model"]) == ("resp_1", "failed", "small")
    assert response["error"] == {"code": "server_error", "message": "It broke."}
    assert response["usage"]["output_tokens"] == 3 and response["forge_receipt"] == RECEIPT


def test_a_failure_that_the_provider_reports_is_passed_on_in_its_words() -> None:
    one = reader()
    take(one, CREATED)
    error = {"code": "server_error", "message": "The model fell over."}
    assert take(one, ended("failed", error=error, usage=RAW_USAGE)) is None and not one.finished
    response = data_of(one.broken(StreamBroken("It broke."), RECEIPT, None))["response"]
    assert response["error"] == error and response["usage"]["output_tokens"] == 20


def test_a_refusal_of_the_request_in_the_stream_is_no_fault_of_the_channel() -> None:
    one = reader()
    take(one, CREATED)
    take(one, ended("failed", error={"code": "invalid_prompt", "message": "No."}))
    assert one.finished
    assert data_of(one.closing(RECEIPT, Usage()))["type"] == "response.failed"


@pytest.mark.parametrize(
    "event",
    [DELTA, ended("completed"), {"type": "response.in_progress", "response": {}}, {}, {"type": 5}, {"type": "a\nb"}],
)
def test_a_stream_that_does_not_begin_with_created_is_garbage(event: dict[str, Any]) -> None:
    with pytest.raises(UpstreamFailure, match="garbage"):
        take(reader(), event)


def test_a_response_that_fails_at_once_is_tried_elsewhere() -> None:
    with pytest.raises(UpstreamFailure, match="failed"):
        take(reader(), ended("failed", error={"code": "server_error"}))
    with pytest.raises(UpstreamFailure, match="error_event"):
        take(reader(), {"type": "error", "code": "server_error", "message": "x"})
    wire = WIRES[Endpoint.RESPONSES, OPENAI]
    failed = ended("failed", error={"code": "rate_limit_exceeded"})["response"]
    with pytest.raises(UpstreamFailure, match="failed"):
        wire.whole(json.dumps(failed).encode(), asked(), 1)
    refused = {**failed, "error": {"code": "invalid_prompt", "message": "No."}}
    assert wire.whole(json.dumps(refused).encode(), asked(), 1).body["error"]["code"] == "invalid_prompt"


@pytest.mark.parametrize("body", [{}, {"output": "x"}, {"output": [], "status": "queued"}])
def test_what_is_no_ended_response_is_garbage(body: dict[str, Any]) -> None:
    with pytest.raises(UpstreamFailure, match="garbage"):
        WIRES[Endpoint.RESPONSES, OPENAI].whole(json.dumps(body).encode(), asked(), 1)


def test_what_a_response_is_sent_with() -> None:
    sent = json.loads(WIRES[Endpoint.RESPONSES, OPENAI].body(asked(), asked().offer.primary))
    assert sent == {"model": "small-x", "input": "hi", "stream": True, "store": False, "max_output_tokens": 1_000}


def test_seals_annotations_and_probabilities_are_not_output() -> None:
    part = {"type": "output_text", "text": "four", "annotations": [{"title": "x"}], "logprobs": [{"token": "x"}]}
    output = [
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x" * 999},
        {"type": "message", "role": "assistant", "status": "completed", "content": [part]},
    ]
    body = json.dumps({"output": output, "status": "completed"}).encode()
    assert WIRES[Endpoint.RESPONSES, OPENAI].whole(body, asked(), 1).output_bytes == 4
