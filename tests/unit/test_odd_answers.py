"""Whatever a provider puts where something else belongs: its answer is passed on or given up, and never a fault of ours."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from tests.support.behaviour import Behaviour
from tests.support.odd_values import oddly
from tests.support.ways import STREAMED, WAYS, Way
from tests.support.wires import wire_of
from tests.unit.builders import CHANNEL, MODEL, NOW_MS, catalog, key
from tokens_forge.endpoints import Endpoint
from tokens_forge.errors import StreamBroken
from tokens_forge.policy import decide
from tokens_forge.pricing import Usage
from tokens_forge.providers.port import UpstreamFailure
from tokens_forge.providers.wires import WIRES
from tokens_forge.quotes import Quote, quote
from tokens_forge.requests.parsers import PARSERS

CALL = {"id": "call_1", "type": "function", "function": {"name": "look_up", "arguments": '{"q": "x"}'}}
BEHAVIOURS = (Behaviour(text="one two"), Behaviour(text="", tool_calls=(CALL,)))


def quoted(way: Way, *, streamed: bool) -> Quote:
    """A quote of a small request over this way."""
    model = replace(MODEL, endpoints=tuple(Endpoint))
    channel = replace(CHANNEL, protocol=way.protocol)
    sold = catalog(models={"small": model}, channels={"first": channel})
    request = PARSERS[way.endpoint](way.body(stream=streamed, model="small"))
    return quote(decide(key(), "USD", "small", sold, NOW_MS, way.endpoint), request)


@pytest.mark.parametrize("behaviour", BEHAVIOURS, ids=["text", "call"])
@pytest.mark.parametrize("way", WAYS, ids=str)
def test_an_odd_whole_answer_is_passed_on_or_given_up(way: Way, behaviour: Behaviour) -> None:
    wire, asked = WIRES[way.endpoint, way.protocol], quoted(way, streamed=False)
    good = json.loads(wire_of(way.upstream_path).whole(behaviour, way.body(), "id-1"))
    assert wire.whole(json.dumps(good).encode(), asked, 1).body
    for odd in oddly(good):
        with suppress(UpstreamFailure):
            answer = wire.whole(json.dumps(odd).encode(), asked, 1)
            assert answer.output_bytes >= 0 and json.dumps(answer.body)


@pytest.mark.parametrize("behaviour", BEHAVIOURS, ids=["text", "call"])
@pytest.mark.parametrize("way", [way for way, streamed in STREAMED if streamed], ids=str)
def test_an_odd_event_of_a_stream_is_passed_on_or_ends_it(way: Way, behaviour: Behaviour) -> None:
    asked = quoted(way, streamed=True)
    frames = wire_of(way.upstream_path).frames(behaviour, way.body(stream=True), "id-1")
    payloads = [
        line.removeprefix(b"data: ") for frame in frames for line in frame.split(b"\n") if line.startswith(b"data:")
    ]
    read(way, asked, payloads)
    for number, payload in enumerate(payloads):
        if payload == b"[DONE]":
            continue
        for odd in oddly(json.loads(payload)):
            changed = [*payloads[:number], json.dumps(odd).encode(), *payloads[number + 1 :]]
            read(way, asked, changed)


def read(way: Way, asked: Quote, payloads: list[bytes]) -> None:
    """Read a stream as the gateway does: to its end, or until it breaks."""
    reader = WIRES[way.endpoint, way.protocol].reader(asked, "req_1", 1)
    receipt: dict[str, Any] = {"id": "req_1"}
    with suppress(UpstreamFailure):
        for payload in payloads:
            if reader.take(payload) is None:
                break
    assert reader.output_bytes >= 0
    charged = reader.usage or Usage(1, 0, 0, 1)
    if reader.finished:
        reader.closing(receipt, charged)
    else:
        reader.broken(StreamBroken("It broke."), receipt, charged)
