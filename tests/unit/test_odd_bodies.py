"""Whatever stands in a body where something else belongs: it is passed on or refused, and never a fault of ours.

Every example of docs/pricing-fields.md, with each value in it replaced by each odd one, goes the way of a request to its channel.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from tests.support.odd_values import oddly
from tests.support.pricing_examples import SMALLEST, examples
from tests.unit.builders import CHANNEL, MODEL, NOW_MS, catalog, key
from tokens_forge.endpoints import ANTHROPIC, Endpoint
from tokens_forge.errors import ForgeError
from tokens_forge.policy import decide
from tokens_forge.providers.wires import WIRES
from tokens_forge.quotes import quote
from tokens_forge.requests.conversation import conversation_of
from tokens_forge.requests.parsers import PARSERS

TALK: list[dict[str, Any]] = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": [{"type": "text", "text": "hi"}]},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
    },
    {"role": "tool", "tool_call_id": "c", "content": "found"},
]
TURNS: list[dict[str, Any]] = [
    {"role": "user", "content": "hi"},
    {"role": "assistant", "content": [{"type": "tool_use", "id": "c", "name": "f", "input": {}}]},
    {
        "role": "user",
        "content": [
            {"type": "tool_result", "tool_use_id": "c", "is_error": True, "content": [{"type": "text", "text": "x"}]}
        ],
    },
]
FUNCTION = {"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}}}
MORE: list[tuple[Endpoint, dict[str, Any]]] = [
    (Endpoint.CHAT, {"messages": TALK, "tools": [FUNCTION], "tool_choice": "auto", "stop": ["x"], "user": "u"}),
    (Endpoint.CHAT, {"tools": [FUNCTION], "tool_choice": {"type": "function", "function": {"name": "f"}}}),
    (Endpoint.CHAT, {"stream": True, "stream_options": {"include_usage": True}, "temperature": 0.5}),
    (
        Endpoint.MESSAGES,
        {"messages": TURNS, "tools": [{"name": "f", "input_schema": {}}], "tool_choice": {"type": "auto"}},
    ),
    (
        Endpoint.MESSAGES,
        {"system": [{"type": "text", "text": "x"}], "metadata": {"user_id": "u"}, "stop_sequences": ["x"]},
    ),
    (
        Endpoint.RESPONSES,
        {"input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "x"}]}]},
    ),
]
BODIES = [(endpoint, fields) for endpoint, fields, _ in examples()] + MORE


def goes_its_way(endpoint: Endpoint, fields: dict[str, Any]) -> None:
    """Parsed, quoted, and written for each of its channels. Raises ForgeError."""
    request = PARSERS[endpoint](fields)
    model = replace(MODEL, image_tokens_max=1_000, document_tokens_max=9_000, endpoints=tuple(Endpoint))
    second = replace(CHANNEL, channel_id="second", protocol=ANTHROPIC)
    sold = catalog(models={"small": model}, channels={"first": CHANNEL, "second": second})
    sold = replace(sold, routes={"small": replace(sold.routes["small"], channel_ids=("first", "second"))})
    quoted = quote(decide(key(), "USD", request.model, sold, NOW_MS, endpoint), request)
    conversation_of("key_x", request)
    for channel in quoted.offer.channels:
        with suppress(ForgeError):
            json.loads(WIRES[endpoint, channel.protocol].body(quoted, channel))


@pytest.mark.parametrize(
    ("endpoint", "fields"), BODIES, ids=[f"{endpoint.value}-{json.dumps(fields)[:60]}" for endpoint, fields in BODIES]
)
def test_an_odd_value_is_passed_on_or_refused(endpoint: Endpoint, fields: dict[str, Any]) -> None:
    for body in oddly({**SMALLEST[endpoint], **fields}):
        with suppress(ForgeError):
            goes_its_way(endpoint, body)


def test_the_way_is_really_gone() -> None:
    for endpoint, fields in MORE:
        goes_its_way(endpoint, {**SMALLEST[endpoint], **fields})
