from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.builders import CHANNEL, MODEL, NOW_MS, catalog, key
from tokens_forge.catalog import Catalog, Model
from tokens_forge.endpoints import ANTHROPIC, CARRIERS, OPENAI, Endpoint
from tokens_forge.errors import EndpointNotServed, NoRoute, RequestError
from tokens_forge.policy import decide, offers
from tokens_forge.providers.wires import WIRES
from tokens_forge.quotes import quote
from tokens_forge.requests.chat import parse_chat


def sold(protocol: str, *endpoints: Endpoint) -> Catalog:
    """A model on these endpoints, over one channel of this protocol."""
    model: Model = replace(MODEL, endpoints=endpoints)
    return catalog(models={"small": model}, channels={"first": replace(CHANNEL, protocol=protocol)})


def test_there_is_a_wire_for_every_pair_that_the_policy_allows_and_for_no_other() -> None:
    assert set(WIRES) == {(endpoint, protocol) for endpoint, protocols in CARRIERS.items() for protocol in protocols}
    assert set(CARRIERS) == set(Endpoint)


@pytest.mark.parametrize("protocol", [OPENAI, ANTHROPIC, "something-new"])
@pytest.mark.parametrize("endpoint", Endpoint)
def test_a_model_is_called_on_what_it_is_sold_on_and_its_channels_carry(protocol: str, endpoint: Endpoint) -> None:
    found = sold(protocol, Endpoint.EMBEDDINGS, Endpoint.MESSAGES)
    carried = [one for one in (Endpoint.EMBEDDINGS, Endpoint.MESSAGES) if protocol in CARRIERS[one]]
    listed = offers(key(), "USD", found, NOW_MS)
    assert [one for offer in listed for one in offer.endpoints] == carried
    if endpoint in carried:
        assert [decide(key(), "USD", "small", found, NOW_MS, endpoint)] == listed
    else:
        with pytest.raises(EndpointNotServed if carried else NoRoute) as refused:
            decide(key(), "USD", "small", found, NOW_MS, endpoint)
        assert all(one.path in refused.value.message for one in carried)
        assert refused.value.error_class.value == ("model_availability" if carried else "routing")
        assert refused.value.status == (404 if carried else 503)


def test_a_call_gets_only_the_channels_that_carry_its_endpoint() -> None:
    model = replace(MODEL, endpoints=(Endpoint.MESSAGES, Endpoint.RESPONSES))
    second = replace(CHANNEL, channel_id="second", protocol=ANTHROPIC)
    found = catalog(models={"small": model}, channels={"first": CHANNEL, "second": second})
    found = replace(found, routes={"small": replace(found.routes["small"], channel_ids=("second", "first"))})
    [listed] = offers(key(), "USD", found, NOW_MS)
    assert listed.channels == (second, CHANNEL)
    assert decide(key(), "USD", "small", found, NOW_MS, Endpoint.MESSAGES).channels == (second, CHANNEL)
    assert decide(key(), "USD", "small", found, NOW_MS, Endpoint.RESPONSES).channels == (CHANNEL,)


def test_a_field_that_cannot_be_translated_goes_to_channels_of_its_own_protocol_only() -> None:
    second = replace(CHANNEL, channel_id="second", protocol=ANTHROPIC)
    found = catalog(channels={"first": CHANNEL, "second": second})
    found = replace(found, routes={"small": replace(found.routes["small"], channel_ids=("second", "first"))})
    offer = decide(key(), "USD", "small", found, NOW_MS, Endpoint.CHAT)
    hello = {"model": "small", "messages": [{"role": "user", "content": "hi"}]}
    assert quote(offer, parse_chat(hello)).offer.channels == (second, CHANNEL)
    assert quote(offer, parse_chat({**hello, "n": 1, "logprobs": False})).offer.channels == (second, CHANNEL)
    assert quote(offer, parse_chat({**hello, "logprobs": True})).offer.channels == (CHANNEL,)
    only_anthropic = replace(offer, channels=(second,))
    with pytest.raises(RequestError) as refused:
        quote(only_anthropic, parse_chat({**hello, "n": 2}))
    assert refused.value.param == "n"
