"""Chat completions and Anthropic's messages, translated into each other: requests, whole answers, streams."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.unit.builders import CHANNEL, MODEL, NOW_MS, catalog, key
from tokens_forge.endpoints import ANTHROPIC, Endpoint
from tokens_forge.errors import RequestError, StreamBroken
from tokens_forge.policy import decide
from tokens_forge.pricing import Usage
from tokens_forge.providers.port import UpstreamFailure
from tokens_forge.providers.wires import WIRES
from tokens_forge.quotes import Quote, quote
from tokens_forge.requests.parsers import PARSERS

IMAGE = "iVBORw0KGgo="
SCHEMA = {"type": "object", "properties": {"q": {"type": "string"}}}
RECEIPT = {"id": "req_1"}


def quoted(endpoint: Endpoint, protocol: str, **fields: Any) -> Quote:
    """A quote for a request that goes to one channel of this protocol."""
    model = replace(MODEL, endpoints=tuple(Endpoint), image_tokens_max=1_000)
    found = catalog(models={"small": model}, channels={"first": replace(CHANNEL, protocol=protocol)})
    request = PARSERS[endpoint]({"model": "small", **fields})
    return quote(decide(key(), "USD", "small", found, NOW_MS, endpoint), request)


def body(endpoint: Endpoint, protocol: str, **fields: Any) -> dict[str, Any]:
    """What is sent upstream."""
    asked = quoted(endpoint, protocol, **fields)
    sent: dict[str, Any] = json.loads(WIRES[endpoint, protocol].body(asked, asked.offer.primary))
    return sent


def streamed(endpoint: Endpoint, protocol: str, payloads: list[Any], **fields: Any) -> list[tuple[str | None, Any]]:
    """The client's events for a provider's events, closed as finished."""
    reader = WIRES[endpoint, protocol].reader(quoted(endpoint, protocol, stream=True, **fields), "r", 1)
    passed = b""
    for payload in payloads:
        taken = reader.take(payload if isinstance(payload, bytes) else json.dumps(payload).encode())
        if taken is None:
            break
        passed += taken
    assert reader.finished
    passed += reader.closing(RECEIPT, None)
    events = []
    for block in passed.decode().strip().split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.split("\n"))
        data = lines["data"]
        events.append((lines.get("event"), data if data == "[DONE]" else json.loads(data)))
    return events


def test_a_chat_request_in_anthropics_words() -> None:
    sent = body(
        Endpoint.CHAT,
        ANTHROPIC,
        max_completion_tokens=50,
        temperature=1.7,
        top_p=0.9,
        stop="END",
        user="u",
        parallel_tool_calls=False,
        tool_choice="required",
        tools=[{"type": "function", "function": {"name": "find", "description": "Finds.", "parameters": SCHEMA}}],
        messages=[
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [
                {"type": "text", "text": "What is this?"},
                {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{IMAGE}"}},
                {"type": "image_url", "image_url": {"url": "https://images.invalid/a.png"}},
            ]},
            {"role": "assistant", "content": None, "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "find", "arguments": '{"q": "x"}'}},
                {"id": "c2", "type": "function", "function": {"name": "find", "arguments": ""}},
            ]},
            {"role": "tool", "tool_call_id": "c1", "content": "found"},
            {"role": "tool", "tool_call_id": "c2", "content": [{"type": "text", "text": "nothing"}]},
            {"role": "user", "content": "Go on."},
            {"role": "developer", "content": "Really brief."},
        ],
    )  # fmt: skip
    assert sent == {
        "model": "small-x",
        "max_tokens": 50,
        "temperature": 1.0,
        "top_p": 0.9,
        "stop_sequences": ["END"],
        "metadata": {"user_id": "u"},
        "system": "Be brief.\n\nReally brief.",
        "tools": [{"name": "find", "description": "Finds.", "input_schema": SCHEMA}],
        "tool_choice": {"type": "any", "disable_parallel_tool_use": True},
        "messages": [
            {"role": "user", "content": [
                {"type": "text", "text": "What is this?"},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": IMAGE}},
                {"type": "image", "source": {"type": "url", "url": "https://images.invalid/a.png"}},
            ]},
            {"role": "assistant", "content": [
                {"type": "tool_use", "id": "c1", "name": "find", "input": {"q": "x"}},
                {"type": "tool_use", "id": "c2", "name": "find", "input": {}},
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "c1", "content": [{"type": "text", "text": "found"}]},
                {"type": "tool_result", "tool_use_id": "c2", "content": [{"type": "text", "text": "nothing"}]},
                {"type": "text", "text": "Go on."},
            ]},
        ],
    }  # fmt: skip


def test_a_message_request_in_openais_words() -> None:
    sent = body(
        Endpoint.MESSAGES,
        "openai",
        max_tokens=50,
        temperature=0.5,
        stop_sequences=["END"],
        stream=True,
        metadata={"user_id": "u"},
        system=[{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
        tools=[{"name": "find", "description": "Finds.", "input_schema": SCHEMA}],
        tool_choice={"type": "tool", "name": "find", "disable_parallel_tool_use": True},
        messages=[
            {"role": "user", "content": [
                {"type": "text", "text": "What is this?"},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": IMAGE}},
                {"type": "image", "source": {"type": "url", "url": "https://images.invalid/a.png"}},
            ]},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "hm", "signature": "s"},
                {"type": "text", "text": "I look."},
                {"type": "tool_use", "id": "c1", "name": "find", "input": {"q": "x"}},
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "c1", "is_error": True, "content": [
                    {"type": "text", "text": "nothing"},
                    {"type": "image", "source": {"type": "url", "url": "https://images.invalid/b.png"}},
                ]},
                {"type": "text", "text": "Go on."},
            ]},
        ],
    )  # fmt: skip
    assert sent == {
        "model": "small-x",
        "max_completion_tokens": 50,
        "temperature": 0.5,
        "stop": ["END"],
        "stream": True,
        "stream_options": {"include_usage": True},
        "user": "u",
        "parallel_tool_calls": False,
        "tools": [
            {"type": "function", "function": {"name": "find", "description": "Finds.", "parameters": SCHEMA}}
        ],
        "tool_choice": {"type": "function", "function": {"name": "find"}},
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [
                {"type": "text", "text": "What is this?"},
                {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{IMAGE}"}},
                {"type": "image_url", "image_url": {"url": "https://images.invalid/a.png"}},
            ]},
            {"role": "assistant", "content": "I look.", "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "find", "arguments": '{"q": "x"}'}},
            ]},
            {"role": "tool", "tool_call_id": "c1", "content": "Error: nothing"},
            {"role": "user", "content": [
                {"type": "image_url", "image_url": {"url": "https://images.invalid/b.png"}},
                {"type": "text", "text": "Go on."},
            ]},
        ],
    }  # fmt: skip


@pytest.mark.parametrize(("chat", "anthropic"), [("auto", "auto"), ("none", "none"), ("required", "any")])
def test_the_choice_of_a_tool_has_a_word_in_both_protocols(chat: str, anthropic: str) -> None:
    hello = {"messages": [{"role": "user", "content": "hi"}]}
    tools: dict[str, Any] = {"tools": [{"type": "function", "function": {"name": "f"}}]}
    assert body(Endpoint.CHAT, ANTHROPIC, **hello, **tools, tool_choice=chat)["tool_choice"] == {"type": anthropic}
    tools = {"tools": [{"name": "f", "input_schema": {"type": "object"}}]}
    sent = body(Endpoint.MESSAGES, "openai", **hello, **tools, tool_choice={"type": anthropic})
    assert sent["tool_choice"] == chat


@pytest.mark.parametrize(
    ("endpoint", "protocol", "messages", "param"),
    [
        (Endpoint.CHAT, ANTHROPIC, [{"role": "nobody", "content": "x"}], "messages.0.role"),
        (Endpoint.CHAT, ANTHROPIC, [{"role": "user", "content": 5}], "messages.0.content"),
        (Endpoint.CHAT, ANTHROPIC, [{"role": "user", "content": [{"type": "text"}]}], "messages.0.content"),
        (Endpoint.CHAT, ANTHROPIC, [{"role": "user", "content": [{"type": "image_url"}]}], "messages.0.content"),
        (Endpoint.CHAT, ANTHROPIC, [{"role": "assistant", "tool_calls": [{"id": "c"}]}], "messages.0.tool_calls"),
        (Endpoint.CHAT, ANTHROPIC, [{"role": "assistant", "tool_calls": [
            {"id": "c", "function": {"name": "f", "arguments": "{"}}]}], "messages.0.tool_calls"),
        (Endpoint.CHAT, ANTHROPIC, [{"role": "assistant", "tool_calls": [
            {"id": "c", "function": {"name": "f", "arguments": '{"n": NaN}'}}]}], "messages.0.tool_calls"),
        (Endpoint.CHAT, ANTHROPIC, [{"role": "assistant", "tool_calls": [
            {"id": "c", "function": {"name": "f", "arguments": '[["n", 1]]'}}]}], "messages.0.tool_calls"),
        (Endpoint.MESSAGES, "openai", [{"role": "nobody", "content": "x"}], "messages.0.role"),
        (Endpoint.MESSAGES, "openai", [{"role": "user", "content": 5}], "messages.0.content"),
        (Endpoint.MESSAGES, "openai", [{"role": "user", "content": [{"type": "text"}]}], "messages.0"),
        (Endpoint.MESSAGES, "openai", [{"role": "user", "content": [{"type": "thinking"}]}], "messages.0.content"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_by_name(
    endpoint: Endpoint, protocol: str, messages: list[Any], param: str
) -> None:
    with pytest.raises(RequestError) as refused:
        body(endpoint, protocol, messages=messages, max_tokens=5)
    assert refused.value.param == param


HELLO: dict[str, Any] = {"messages": [{"role": "user", "content": "hi"}]}
ANTHROPIC_USAGE = {
    "input_tokens": 10,
    "cache_read_input_tokens": 60,
    "cache_creation_input_tokens": 30,
    "output_tokens": 20,
}
OPENAI_USAGE = {
    "prompt_tokens": 100,
    "completion_tokens": 20,
    "total_tokens": 120,
    "prompt_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 30},
    "completion_tokens_details": {"reasoning_tokens": 0},
}
USAGE = Usage(input=10, cached_input=60, cache_write=30, output=20)


@pytest.mark.parametrize(
    ("stop_reason", "finish_reason"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("tool_use", "tool_calls"),
        ("refusal", "content_filter"),
        ("pause_turn", "stop"),
    ],
)
def test_a_message_as_a_completion(stop_reason: str, finish_reason: str) -> None:
    message = {
        "id": "msg_1",
        "model": "small-x",
        "stop_reason": stop_reason,
        "usage": ANTHROPIC_USAGE,
        "content": [
            {"type": "thinking", "thinking": "hm", "signature": "x"},
            {"type": "text", "text": "Hel"},
            {"type": "text", "text": "lo"},
            {"type": "tool_use", "id": "c1", "name": "find", "input": {"q": "ü"}},
        ],
    }
    wire = WIRES[Endpoint.CHAT, ANTHROPIC]
    answer = wire.whole(json.dumps(message).encode(), quoted(Endpoint.CHAT, ANTHROPIC, **HELLO), 7)
    [choice] = answer.body["choices"]
    assert (answer.body["model"], answer.body["created"], answer.body["object"]) == ("small", 7, "chat.completion")
    assert choice["finish_reason"] == finish_reason and choice["message"]["content"] == "Hello"
    [call] = choice["message"]["tool_calls"]
    assert call == {"id": "c1", "type": "function", "function": {"name": "find", "arguments": '{"q": "ü"}'}}
    assert answer.usage == USAGE and answer.body["usage"] == OPENAI_USAGE
    assert answer.output_bytes == len("hmHellofindü".encode())


@pytest.mark.parametrize(
    ("finish_reason", "stop_reason"),
    [
        ("stop", "end_turn"),
        ("length", "max_tokens"),
        ("tool_calls", "tool_use"),
        ("content_filter", "refusal"),
        (None, "end_turn"),
    ],
)
def test_a_completion_as_a_message(finish_reason: str | None, stop_reason: str) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "find", "arguments": '{"q": "x"}'}}
    choice = {"message": {"content": "Hello", "tool_calls": [call]}, "finish_reason": finish_reason}
    completion = {"id": "chatcmpl-1", "choices": [choice], "usage": OPENAI_USAGE}
    wire = WIRES[Endpoint.MESSAGES, "openai"]
    answer = wire.whole(json.dumps(completion).encode(), quoted(Endpoint.MESSAGES, "openai", **HELLO), 7)
    assert answer.body == {
        "id": "chatcmpl-1",
        "type": "message",
        "role": "assistant",
        "model": "small",
        "content": [
            {"type": "text", "text": "Hello"},
            {"type": "tool_use", "id": "c1", "name": "find", "input": {"q": "x"}},
        ],
        "stop_reason": stop_reason,
        "stop_sequence": None,
        "usage": ANTHROPIC_USAGE,
    }
    assert answer.usage == USAGE


@pytest.mark.parametrize("arguments", ['{"q": ', '{"q": NaN}', '[["q", 1]]', "[" * 100_000, {"q": 1}])
def test_arguments_that_are_no_json_are_garbage_unless_the_answer_was_cut(arguments: object) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "find", "arguments": arguments}}
    wire, asked = WIRES[Endpoint.MESSAGES, "openai"], quoted(Endpoint.MESSAGES, "openai", **HELLO)

    def whole(finish_reason: str) -> Any:
        choice = {"message": {"tool_calls": [call]}, "finish_reason": finish_reason}
        return wire.whole(json.dumps({"choices": [choice]}).encode(), asked, 7)

    assert whole("length").body["content"][0]["input"] == {}
    with pytest.raises(UpstreamFailure, match="garbage"):
        whole("tool_calls")


def chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    return {"id": "x", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def test_a_stream_of_chunks_as_a_stream_of_a_message() -> None:
    call = {"index": 0, "id": "c1", "type": "function", "function": {"name": "find", "arguments": ""}}
    events = streamed(
        Endpoint.MESSAGES,
        "openai",
        [
            chunk({"role": "assistant", "content": ""}),
            chunk({"content": "Hel"}),
            chunk({"content": "lo"}),
            chunk({"tool_calls": [call]}),
            chunk({"tool_calls": [{"index": 0, "function": {"arguments": '{"q":'}}]}),
            chunk({"tool_calls": [{"index": 0, "function": {"arguments": '"x"}'}}]}),
            chunk({"tool_calls": [{**call, "index": 1, "id": "c2"}]}),
            chunk({}, "tool_calls"),
            {"choices": [], "usage": OPENAI_USAGE},
            b"[DONE]",
        ],
        **HELLO,
    )
    assert all(name == data["type"] for name, data in events)
    said = [data for _, data in events]
    assert [data["type"] for data in said] == [
        "message_start",
        "content_block_start", "content_block_delta", "content_block_delta", "content_block_stop",
        "content_block_start", "content_block_delta", "content_block_delta", "content_block_stop",
        "content_block_start", "content_block_stop",
        "message_delta",
        "message_stop",
    ]  # fmt: skip
    assert said[0]["message"]["model"] == "small" and said[0]["message"]["content"] == []
    assert [data["index"] for data in said if "index" in data] == [0] * 4 + [1] * 4 + [2] * 2
    assert said[1]["content_block"] == {"type": "text", "text": ""}
    assert said[5]["content_block"] == {"type": "tool_use", "id": "c1", "name": "find", "input": {}}
    assert [said[2]["delta"]["text"], said[6]["delta"]["partial_json"]] == ["Hel", '{"q":']
    assert said[-2]["delta"]["stop_reason"] == "tool_use"
    assert said[-2]["usage"] == ANTHROPIC_USAGE and said[-2]["forge_receipt"] == RECEIPT


def message_stream() -> list[dict[str, Any]]:
    """A text, a call with arguments, and one without."""
    find = {"type": "tool_use", "id": "c1", "name": "find", "input": {}}
    first = {"id": "msg_1", "model": "small-x", "usage": {**ANTHROPIC_USAGE, "output_tokens": 1}}
    return [
        {"type": "ping"},
        {"type": "message_start", "message": first},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "content_block_start", "index": 1, "content_block": find},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": '{"q":'}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": '"x"}'}},
        {"type": "content_block_stop", "index": 1},
        {"type": "content_block_start", "index": 2, "content_block": {**find, "id": "c2"}},
        {"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": ""}},
        {"type": "content_block_stop", "index": 2},
        {"type": "message_delta", "delta": {"stop_reason": "tool_use", "stop_sequence": None}, "usage": {"output_tokens": 20}},
        {"type": "message_stop"},
    ]  # fmt: skip


@pytest.mark.parametrize("include_usage", [False, True])
def test_a_stream_of_a_message_as_a_stream_of_chunks(include_usage: bool) -> None:
    options = {"stream_options": {"include_usage": include_usage}}
    events = streamed(Endpoint.CHAT, ANTHROPIC, [*message_stream(), {"type": "never read"}], **HELLO, **options)
    assert all(name is None for name, _ in events) and events[-1][1] == "[DONE]"
    chunks = [data for _, data in events[:-1]]
    assert {(data["id"], data["created"], data["model"]) for data in chunks} == {("chatcmpl-r", 1, "small")}
    deltas = [(data["choices"][0]["delta"], data["choices"][0]["finish_reason"]) for data in chunks if data["choices"]]
    call = {"type": "function", "function": {"name": "find", "arguments": ""}}
    assert deltas == [
        ({"role": "assistant", "content": ""}, None),
        ({"content": "Hello"}, None),
        ({"tool_calls": [{"index": 0, "id": "c1", **call}]}, None),
        ({"tool_calls": [{"index": 0, "function": {"arguments": '{"q":'}}]}, None),
        ({"tool_calls": [{"index": 0, "function": {"arguments": '"x"}'}}]}, None),
        ({"tool_calls": [{"index": 1, "id": "c2", **call}]}, None),
        ({"tool_calls": [{"index": 1, "function": {"arguments": "{}"}}]}, None),
        ({}, "tool_calls"),
    ]
    usages = [data for data in chunks if not data["choices"]]
    assert [data["usage"] for data in usages] == ([OPENAI_USAGE] if include_usage else [])
    assert [data["forge_receipt"] for data in usages] == ([RECEIPT] if include_usage else [])


def test_anthropics_own_stream_passes_on_as_it_came_but_for_model_usage_and_receipt() -> None:
    events = [data for _, data in streamed(Endpoint.MESSAGES, ANTHROPIC, message_stream(), **HELLO)]
    expected = message_stream()
    expected[1]["message"]["model"] = "small"
    expected[-2] |= {"usage": ANTHROPIC_USAGE, "forge_receipt": RECEIPT}
    assert events == expected


@pytest.mark.parametrize(("endpoint", "protocol"), [(Endpoint.MESSAGES, ANTHROPIC), (Endpoint.CHAT, ANTHROPIC)])
@pytest.mark.parametrize("payload", [
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "early"}},
    {"type": "message_start"},
    {"type": 5},
    {},
])  # fmt: skip
def test_a_stream_that_does_not_begin_with_a_message_is_garbage(
    endpoint: Endpoint, protocol: str, payload: dict[str, Any]
) -> None:
    reader = WIRES[endpoint, protocol].reader(quoted(endpoint, protocol, stream=True, **HELLO), "r", 1)
    with pytest.raises(UpstreamFailure, match="garbage"):
        reader.take(json.dumps(payload).encode())


def test_the_first_count_of_a_stream_is_no_report() -> None:
    reader = WIRES[Endpoint.MESSAGES, ANTHROPIC].reader(quoted(Endpoint.MESSAGES, ANTHROPIC, **HELLO), "r", 1)
    for payload in message_stream()[:7]:
        reader.take(json.dumps(payload).encode())
    assert reader.usage is None and reader.output_bytes == len('Hellofind{"q":')


@pytest.mark.parametrize("protocol", [ANTHROPIC, "openai"])
def test_a_message_that_breaks_off_ends_with_an_error_that_both_families_read(protocol: str) -> None:
    reader = WIRES[Endpoint.MESSAGES, protocol].reader(quoted(Endpoint.MESSAGES, protocol, **HELLO), "r", 1)
    name, data = reader.broken(StreamBroken("It broke."), RECEIPT, None).decode().strip().split("\n")
    assert name == "event: error"
    error = json.loads(data.removeprefix("data: "))
    assert error["type"] == "error" and error["error"]["type"] == "overloaded_error"
    assert error["error"]["code"] == "stream_broken" and error["error"]["forge"] == {"class": "provider_health"}
