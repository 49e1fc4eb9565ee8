"""What a run can cost is known before it: the calls, their order, and the largest size of each."""

from __future__ import annotations

import pytest

from functions.research.presets import PRESETS, Role, Stage, Tier
from functions.research.words import SourceName

EVERY = tuple(SourceName)
COUNTS = {"brief": 10, "standard": 10, "deep": 12}


def roles(stages: tuple[Stage, ...]) -> list[str]:
    return [stage.stage_id for stage in stages]


@pytest.mark.parametrize(("name", "calls"), COUNTS.items())
def test_the_number_of_calls_is_fixed(name: str, calls: int) -> None:
    stages = PRESETS[name].stages(EVERY)
    assert len(stages) == calls
    assert len({stage.stage_id for stage in stages}) == calls


def test_the_order_is_analysts_debate_judge_risk_report_repair() -> None:
    stages = PRESETS["deep"].stages(EVERY)
    assert roles(stages) == [
        *("price_analyst", "filings_analyst", "news_analyst", "macro_analyst"),
        *("bull_1", "bear_1", "bull_2", "bear_2"),
        *("judge", "risk_review", "final_report", "repair"),
    ]
    assert [stage.group for stage in stages] == [0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]


def test_an_analyst_is_called_only_for_sources_that_were_asked_for() -> None:
    assert roles(PRESETS["brief"].stages([SourceName.CSV]))[0:2] == ["price_analyst", "bull_1"]
    assert roles(PRESETS["brief"].stages([SourceName.FRED, SourceName.EDGAR]))[:2] == [
        "filings_analyst",
        "macro_analyst",
    ]


@pytest.mark.parametrize("name", PRESETS)
def test_the_deep_model_judges_and_writes_and_only_the_repair_is_optional(name: str) -> None:
    stages = PRESETS[name].stages(EVERY)
    assert {stage.role for stage in stages if stage.tier is Tier.DEEP} == {Role.JUDGE, Role.FINAL_REPORT, Role.REPAIR}
    assert [stage.role for stage in stages if stage.optional] == [Role.REPAIR]
    assert all(stage.size.input_bytes_typical < stage.input_bytes_max for stage in stages)
    assert all(stage.size.output_tokens_typical < stage.output_tokens_max for stage in stages)


def test_a_larger_preset_is_larger_in_every_stage() -> None:
    small, middle, large = (PRESETS[name].sizes for name in ("brief", "standard", "deep"))
    for role in small:
        assert small[role].input_bytes_max < middle[role].input_bytes_max < large[role].input_bytes_max
        assert small[role].output_tokens_max < middle[role].output_tokens_max < large[role].output_tokens_max
