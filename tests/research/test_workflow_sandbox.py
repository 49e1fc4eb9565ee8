"""What the sandbox upstream writes passes the product's own checks, so that a sample run of `make run` comes to a report."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from functions.research import prompts
from functions.research.number_check import check
from functions.research.presets import PRESETS
from functions.research.request import ResearchRequest
from functions.research.snapshot import Snapshot, freeze
from functions.research.sources.port import fetch_all
from functions.research.sources.sample import Sample
from functions.research.text_problems import text_problems
from local.sandbox_answers import NOTICE, compose
from tests.support.clocks import HandClock


def sample(language: str) -> tuple[ResearchRequest, Snapshot]:
    request = ResearchRequest.parse({"symbol": "DEMO", "preset": "brief", "language": language}, date(2026, 11, 25))
    return request, freeze(request, fetch_all([Sample()], request, HandClock()))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_sandbox_cites_facts_that_are_there_and_says_what_it_is(language: str) -> None:
    request, snapshot = sample(language)
    texts: dict[str, str] = {}
    for stage in PRESETS["brief"].stages(request.sources)[:-1]:
        messages = prompts.build(stage, snapshot, texts, request.language)
        body: dict[str, Any] = {"model": "any", "messages": messages, "max_completion_tokens": stage.output_tokens_max}
        answer = compose(body)
        texts[stage.stage_id] = answer.text
        assert answer.finish_reason == "stop" and "Tokens Forge" in answer.text
        assert text_problems(answer.text, request.language) == ()
        checked = check(answer.text, snapshot.by_id)
        assert checked.findings == (), answer.text
        assert checked.proven > 0 or stage.stage_id == "news_analyst"


def test_any_other_question_is_answered_as_before() -> None:
    assert NOTICE in compose({"model": "any", "messages": [{"role": "user", "content": "Hello"}]}).text
