from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.unit.builders import MODEL, NOW_MS, PRICE, catalog, key
from tokens_forge.errors import RequestError
from tokens_forge.policy import Offer, decide
from tokens_forge.pricing import worst_charge_nano
from tokens_forge.quotes import affordable_output_each, clamp, quote
from tokens_forge.requests.chat import parse_chat
from tokens_forge.requests.inference import InferenceRequest


def offer() -> Offer:
    return decide(key(), "USD", "small", catalog(), NOW_MS)


def request(**fields: Any) -> InferenceRequest:
    return parse_chat({"model": "small", "messages": [{"role": "user", "content": "hello"}], **fields})


def test_the_quote_bounds_every_token_by_bytes_and_overheads() -> None:
    asked = request(max_tokens=100, tools=[{"type": "function"}])
    quoted = quote(offer(), asked)
    assert quoted.input_tokens_max == asked.text_bytes + 32 + 8 + 16
    assert quoted.output_tokens_max == 100
    assert quoted.max_charge_nano == worst_charge_nano(quoted.input_tokens_max, 100, PRICE)


def test_every_choice_may_use_the_whole_output_limit() -> None:
    assert quote(offer(), request(max_tokens=100, n=3)).output_tokens_max == 300


def test_an_absurd_limit_is_cut_to_what_the_model_can_give() -> None:
    assert quote(offer(), request(max_tokens=10**30)).output_tokens_each == MODEL.output_tokens_max


def test_without_a_limit_the_default_is_held_for() -> None:
    assert quote(offer(), request()).output_tokens_each == MODEL.default_output_tokens


def test_images_are_priced_or_refused() -> None:
    seen = request(messages=[{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}])
    with pytest.raises(RequestError):
        quote(offer(), seen)
    sighted = replace(offer(), model=replace(MODEL, image_tokens_max=1_000))
    assert quote(sighted, seen).input_tokens_max == seen.text_bytes + 32 + 8 + 1_000


def test_a_poor_wallet_clamps_our_default_but_never_the_clients_own_limit() -> None:
    ours = quote(offer(), request())
    half_nano = worst_charge_nano(ours.input_tokens_max, 500, PRICE)
    clamped = clamp(ours, half_nano)
    assert clamped is not None
    assert clamped.output_tokens_each == 500 and clamped.max_charge_nano <= half_nano
    assert clamp(quote(offer(), request(max_tokens=1_000)), half_nano) is None
    assert clamp(ours, worst_charge_nano(ours.input_tokens_max, 15, PRICE)) is None
    assert clamp(ours, 0) is None


def test_the_affordable_output_is_for_each_choice_and_within_the_model() -> None:
    quoted = quote(offer(), request(n=2, max_tokens=1_000))
    assert affordable_output_each(quoted, worst_charge_nano(quoted.input_tokens_max, 501, PRICE)) == 250
    assert affordable_output_each(quoted, 10**15) == MODEL.output_tokens_max
    assert affordable_output_each(quoted, 0) == -1


def test_the_typical_charge_is_never_above_the_largest() -> None:
    quoted = quote(offer(), request(max_tokens=1))
    assert 0 < quoted.typical_charge_nano() <= quoted.max_charge_nano
