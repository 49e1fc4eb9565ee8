from __future__ import annotations

import json
from typing import Any

import pytest

from tokens_forge.errors import RequestError
from tokens_forge.requests.chat import parse_chat
from tokens_forge.requests.inference import parse_json

HELLO = {"role": "user", "content": "hello"}


def body(**fields: Any) -> dict[str, Any]:
    return {"model": "small", "messages": [HELLO], **fields}


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b"null",
        b"\xff\xfe",
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b"[" * 100_000,
        b"1" * 10_000,
    ],
)
def test_what_is_not_a_json_object_is_refused(raw: bytes) -> None:
    with pytest.raises(RequestError):
        parse_json(raw)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"model": None}, "model"),
        ({"model": ""}, "model"),
        ({"model": 5}, "model"),
        ({"messages": []}, "messages"),
        ({"messages": "hi"}, "messages"),
        ({"messages": ["hi"]}, "messages.0"),
        ({"stream": "yes"}, "stream"),
        ({"n": 0}, "n"),
        ({"n": 129}, "n"),
        ({"n": True}, "n"),
        ({"n": 1.0}, "n"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": -5}, "max_tokens"),
        ({"max_tokens": "many"}, "max_tokens"),
        ({"max_completion_tokens": 1.5}, "max_completion_tokens"),
        ({"tools": {}}, "tools"),
        ({"stream_options": {"include_usage": "x"}}, "stream_options.include_usage"),
        ({"web_search_options": {}}, "web_search_options"),
        ({"audio": {"voice": "x"}}, "audio"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"service_tier": "priority"}, "service_tier"),
        ({"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]}, "messages.0.content"),
        ({"messages": [{"role": "user", "content": ["text"]}]}, "messages.0.content"),
    ],
)
def test_a_wrong_field_is_named(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(RequestError) as raised:
        parse_chat(body(**fields))
    assert raised.value.param == param
    assert raised.value.body()["error"]["param"] == param


def test_unknown_fields_are_kept_for_the_provider() -> None:
    request = parse_chat(body(brand_new={"a": 1}, temperature=0.2))
    assert request.fields["brand_new"] == {"a": 1} and request.fields["temperature"] == 0.2


def test_the_smaller_of_two_output_limits_counts() -> None:
    assert parse_chat(body(max_tokens=9, max_completion_tokens=5)).output_tokens_asked == 5
    assert parse_chat(body()).output_tokens_asked is None


def test_text_bytes_are_utf8_bytes_and_leave_out_image_data() -> None:
    plain = parse_chat(body(messages=[{"role": "user", "content": "你好"}]))
    assert plain.text_bytes == len(json.dumps(plain.fields, ensure_ascii=False, separators=(",", ":")).encode())
    parts = [
        {"type": "text", "text": "what is this"},
        {"type": "image_url", "image_url": {"url": "data:" + "A" * 9999}},
    ]
    seen = parse_chat(body(messages=[{"role": "user", "content": parts}, HELLO]))
    assert seen.image_count == 1 and seen.text_bytes < 300


def test_half_a_surrogate_pair_is_not_text() -> None:
    with pytest.raises(RequestError):
        parse_chat(parse_json(b'{"model": "small", "messages": [{"role": "user", "content": "\\ud800"}]}'))
