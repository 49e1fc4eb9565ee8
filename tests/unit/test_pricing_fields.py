"""Every example in docs/pricing-fields.md does to the price what the document says."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.support.pricing_examples import SMALLEST, examples
from tests.unit.builders import CHANNEL, MODEL, NOW_MS, catalog, key
from tokens_forge.endpoints import ANTHROPIC, Endpoint
from tokens_forge.errors import RequestError
from tokens_forge.policy import decide
from tokens_forge.quotes import Quote, quote
from tokens_forge.requests.parsers import PARSERS

EXAMPLES = examples()


def bound(endpoint: Endpoint, fields: dict[str, Any]) -> Quote:
    """The quote for a model that takes everything, over channels of both protocols."""
    model = replace(MODEL, image_tokens_max=1_000, document_tokens_max=9_000, endpoints=tuple(Endpoint))
    second = replace(CHANNEL, channel_id="second", protocol=ANTHROPIC)
    found = catalog(models={"small": model}, channels={"first": CHANNEL, "second": second})
    found = replace(found, routes={"small": replace(found.routes["small"], channel_ids=("first", "second"))})
    request = PARSERS[endpoint](fields)
    return quote(decide(key(), "USD", "small", found, NOW_MS, endpoint), request)


def test_every_endpoint_has_its_table() -> None:
    assert {endpoint for endpoint, _, _ in EXAMPLES} == set(Endpoint)
    assert all(happens.partition(" ")[0].strip(":") in ("passed", "priced", "refused") for _, _, happens in EXAMPLES)


@pytest.mark.parametrize(
    ("endpoint", "fields", "happens"),
    EXAMPLES,
    ids=[f"{endpoint.value}-{json.dumps(fields)[:60]}" for endpoint, fields, _ in EXAMPLES],
)
def test_a_field_does_to_the_price_what_the_document_says(
    endpoint: Endpoint, fields: dict[str, Any], happens: str
) -> None:
    smallest = SMALLEST[endpoint]
    whole = {**smallest, **fields}
    if happens.startswith("refused"):
        with pytest.raises(RequestError) as refused:
            bound(endpoint, whole)
        assert happens == f"refused (`{refused.value.param}`)"
        return
    with_it, without = bound(endpoint, whole), bound(endpoint, smallest)
    sent = len(json.dumps(whole, ensure_ascii=False, separators=(",", ":")))
    sent -= len(json.dumps(smallest, ensure_ascii=False, separators=(",", ":")))
    grown = with_it.input_tokens_max - without.input_tokens_max
    added, before = with_it.output_tokens_max, without.output_tokens_max
    if happens.startswith("passed"):
        assert added == before
        counts_whole_body = endpoint not in (Endpoint.EMBEDDINGS, Endpoint.COMPLETIONS)
        assert grown == sent if counts_whole_body else 0 <= grown <= sent
        return
    said = happens.removeprefix("priced: ")
    seen = {
        "three times the output limit": added == 3 * before,
        "twice the output limit": added == 2 * before,
        "four times the output limit, though one answer comes back": added == 4 * before,
        "the output limit for each prompt": added == 2 * before,
        "the limit that is held for": (added, without.output_tokens_max) == (400, MODEL.default_output_tokens),
        "its bytes count as output too, because rejected tokens are billed so": added
        == before + grown - len('"prediction":,'),
        "the prompt counts as output too": added == before + len('"hi"'),
        "16 tokens for each tool": grown == sent + 16,
        "16 tokens for each tool, and 1,000 for a prompt of Anthropic's": grown == sent + 16 + 1_000,
        "16 tokens for each function": grown == sent + 16,  # which no channel of another protocol can take
        "8 tokens as a message of its own": grown == sent + 8,
        "8 tokens for each input": grown == len('"one""two"') - len('"hi"') + 8,
        "a token each": with_it.input_tokens_max == 4 + 32 + 8,
        # The data itself is not counted as text, what frames it is.
        "the maximum for one image": 1_000 <= grown < 1_000 + 300,
        "the maximum for one document": 9_000 <= grown < 9_000 + 300,
    }
    assert seen[said]
