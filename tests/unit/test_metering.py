from __future__ import annotations

from typing import Any

import pytest

from tokens_forge.journal import FREE_OF_CHARGE, SettlementReason, UsageSource
from tokens_forge.metering import judge
from tokens_forge.pricing import Usage
from tokens_forge.providers.counting import output_bytes
from tokens_forge.providers.openai_chat import usage_of


def judged(ending: SettlementReason, reported: Usage | None, output: int, prompt: int = 400) -> Any:
    outcome = judge(ending, reported=reported, output_bytes=output, prompt_bytes=prompt, attempts=())
    return outcome.reason, outcome.usage, outcome.usage_source


CHARGED = sorted(set(SettlementReason) - FREE_OF_CHARGE)


@pytest.mark.parametrize("ending", CHARGED)
def test_the_providers_report_counts_however_it_ended(ending: SettlementReason) -> None:
    assert judged(ending, Usage(input=10, output=5), 20) == (
        ending,
        Usage(input=10, output=5),
        UsageSource.PROVIDER,
    )


@pytest.mark.parametrize("ending", CHARGED)
def test_without_a_report_prompt_and_output_are_estimated(ending: SettlementReason) -> None:
    assert judged(ending, None, 21) == (ending, Usage(input=100, output=6), UsageSource.ESTIMATED)


@pytest.mark.parametrize("ending", CHARGED)
@pytest.mark.parametrize("reported", [None, Usage(input=10)])
def test_no_output_no_charge(ending: SettlementReason, reported: Usage | None) -> None:
    assert judged(ending, reported, 0) == (SettlementReason.NO_OUTPUT, Usage(), UsageSource.NONE)


def test_hidden_reasoning_is_output_too() -> None:
    thought = Usage(input=10, output=50, reasoning=50)
    assert judged(SettlementReason.COMPLETED, thought, 0)[1] == thought


def test_an_explicit_zero_is_not_a_missing_report() -> None:
    found = judged(SettlementReason.COMPLETED, Usage(input=10, output=0), 40)
    assert found == (SettlementReason.COMPLETED, Usage(input=10), UsageSource.PROVIDER)


@pytest.mark.parametrize("ending", sorted(FREE_OF_CHARGE))
def test_free_endings_count_nothing(ending: SettlementReason) -> None:
    assert judged(ending, Usage(input=9, output=9), 40) == (ending, Usage(), UsageSource.NONE)


@pytest.mark.parametrize(
    "raw",
    [
        None,
        "many",
        [],
        {},
        {"prompt_tokens": 1},
        {"prompt_tokens": -1, "completion_tokens": 1},
        {"prompt_tokens": "1", "completion_tokens": 1},
        {"prompt_tokens": 1.0, "completion_tokens": 1},
        {"prompt_tokens": True, "completion_tokens": 1},
        {"prompt_tokens": 1, "completion_tokens": 10**15},
    ],
)
def test_a_report_that_cannot_be_true_is_no_report(raw: object) -> None:
    assert usage_of(raw) is None


def test_prompt_tokens_include_the_cached_ones_which_are_counted_once() -> None:
    raw = {
        "prompt_tokens": 100,
        "completion_tokens": 20,
        "prompt_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 30},
        "completion_tokens_details": {"reasoning_tokens": 15},
    }
    assert usage_of(raw) == Usage(input=10, cached_input=60, cache_write=30, output=20, reasoning=15)


def test_details_that_exceed_the_whole_are_cut() -> None:
    raw = {
        "prompt_tokens": 10,
        "completion_tokens": 2,
        "prompt_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 7},
        "completion_tokens_details": {"reasoning_tokens": 9},
    }
    assert usage_of(raw) == Usage(cached_input=10, output=2, reasoning=2)
    assert usage_of({"prompt_tokens": 10, "completion_tokens": 2, "prompt_tokens_details": "x"}) == Usage(10, output=2)


def test_all_text_of_a_message_is_output() -> None:
    message = {
        "role": "assistant",
        "content": "héllo",
        "refusal": None,
        "tool_calls": [{"index": 0, "id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
    }
    assert output_bytes(message) == 6 + 1 + 2
    assert output_bytes(None) == 0


def test_an_answer_that_is_nested_deeper_than_functions_can_call_is_counted_all_the_same() -> None:
    nested: Any = "four"
    for _ in range(100_000):
        nested = [{"content": nested}]
    assert output_bytes(nested) == 4


def test_a_vector_is_output_that_has_no_tokens() -> None:
    def judged_vectors(vectors: int, reported: Usage | None) -> Any:
        outcome = judge(
            SettlementReason.COMPLETED,
            reported=reported,
            output_bytes=vectors,
            prompt_bytes=400,
            attempts=(),
            makes_output=False,
        )
        return outcome.reason, outcome.usage

    assert judged_vectors(1, Usage(input=9)) == (SettlementReason.COMPLETED, Usage(input=9))
    assert judged_vectors(1, None) == (SettlementReason.COMPLETED, Usage(input=100))
    assert judged_vectors(0, Usage(input=9)) == (SettlementReason.NO_OUTPUT, Usage())
