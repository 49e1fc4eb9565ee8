"""The report: what is unproven is not in it, the same inputs give the same bytes, and nothing in it runs."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from functions.research.facts import Fact, Unit
from functions.research.number_check import check
from functions.research.report import DISCLAIMER, Report, RunFacts, StepReceipt, build
from functions.research.report_html import render_html
from functions.research.report_markdown import render_markdown
from functions.research.words import SourceName, Window
from tests.research.example import AS_OF, example_report, example_request, example_snapshot, example_texts

SNAPSHOT = example_snapshot()
TEXTS = example_texts(SNAPSHOT)
RUN = RunFacts("run_1", "completed", {"quick": "q", "deep": "d"}, ())


def document(run: RunFacts = RUN, texts: Any = TEXTS) -> dict[str, Any]:
    return dict(build(example_request(), SNAPSHOT, run, texts).document)


def sections(made: dict[str, Any]) -> dict[str, str]:
    return {part["key"]: part["text"] for part in made["sections"]}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_same_answers_give_a_byte_identical_report(language: str) -> None:
    first, second = example_report(language), example_report(language)
    assert first.to_bytes() == second.to_bytes()
    read = Report.from_bytes(first.to_bytes())
    assert render_html(read) == render_html(second)
    assert render_markdown(read) == render_markdown(second)


def test_what_is_unproven_is_counted_and_gone() -> None:
    made = document()
    shown = json.dumps([made["sections"], made["discussion"]])
    assert "175" not in shown and "price.future" not in shown and "Recommendation" not in shown
    assert made["verification"] == {"numbers": 22, "proven": 21, "repaired": 0, "removed": 3, "recommendations": 1}
    for part in [*made["sections"], *made["discussion"]]:
        assert check(part["text"], SNAPSHOT.by_id).findings == ()


def test_a_repair_takes_the_place_of_the_report_and_what_it_put_right_is_counted() -> None:
    repaired = TEXTS["final_report"].replace("The price should reach 175 USD soon. ", "")
    made = document(texts={**TEXTS, "repair": repaired})
    assert (made["verification"]["repaired"], made["verification"]["removed"]) == (1, 2)
    assert sections(made) == sections(document())


@pytest.mark.parametrize("answer", ["", "I'm sorry, I can't do that.", "收盘价处于区间中部，趋势向上。"])
def test_a_repair_that_cannot_be_used_leaves_the_report_as_it_was(answer: str) -> None:
    made = document(texts={**TEXTS, "repair": answer})
    assert sections(made) == sections(document())
    assert made["unusable"][0]["stage_id"] == "repair"


def test_a_run_that_ended_early_has_a_partial_report() -> None:
    run = replace(RUN, status="incomplete", reason="The official model Credit ran out.")
    made = document(run, {stage: TEXTS[stage] for stage in ("price_analyst", "news_analyst", "bull_1")})
    assert list(sections(made)) == ["price", "news"]
    assert [part["stage_id"] for part in made["discussion"]] == ["bull_1"]
    report = build(example_request(), SNAPSHOT, run, {})
    said = "(incomplete: The official model Credit ran out.)"
    assert f"<strong>This report is not complete</strong> {said}" in render_html(report)
    assert f"**This report is not complete** {said}" in render_markdown(report)


def test_a_reason_that_is_the_ending_itself_is_said_once() -> None:
    report = build(example_request(), SNAPSHOT, replace(RUN, status="cancelled", reason="cancelled"), {})
    assert "**This report is not complete** (cancelled)\n" in render_markdown(report)


def test_a_report_without_the_agreed_headings_is_all_summary() -> None:
    made = document(texts={"final_report": "The trend is up, and that is all there is to say about it."})
    assert list(sections(made)) == ["summary"]


def test_the_receipts_add_up_for_each_wallet_and_a_replayed_one_is_not_added_twice() -> None:
    first = StepReceipt("bull_1", "m", "req_1", "official", "USD", "0.10", 1, 2)
    receipts = (first, replace(first, replayed=True), replace(first, receipt_id="req_2", charge="0.000000001"))
    other = replace(first, receipt_id="req_3", wallet="routed", currency="CNY", charge="3.00")
    made = document(replace(RUN, receipts=(*receipts, other)))
    assert made["charges"] == [
        {"wallet": "official", "currency": "USD", "charge": "0.100000001"},
        {"wallet": "routed", "currency": "CNY", "charge": "3.00"},
    ]


@pytest.mark.parametrize("render", [render_html, render_markdown])
def test_a_page_has_everything_a_reader_checks_by(render: Any) -> None:
    report = example_report()
    page = render(report)
    for said in (
        DISCLAIMER,
        report.document["snapshot_sha256"],
        "Invented sample data",
        "Nothing that was asked for was missing",
    ):
        assert said.replace("(", "\\(") in page or said in page
    assert page.count(DISCLAIMER) == 2
    for receipt in report.document["receipts"]:
        assert receipt["receipt_id"] in page or receipt["receipt_id"].replace("_", "\\_") in page
    assert "21 proven by a cited fact" in page and "22 numbers looked at" in page


def test_headings_are_in_the_language_of_the_report() -> None:
    page = render_html(example_report("zh"))
    assert '<html lang="zh">' in page
    for said in ("摘要", "风险", "数据来源", "收据", "仅供研究参考，不构成投资建议"):
        assert said in page and said in render_markdown(example_report("zh"))
    assert "Summary" not in page and "目标价" not in page and "建议买入" not in page


def test_every_citation_leads_to_its_fact() -> None:
    page = render_html(example_report())
    targets = set(re.findall(r'href="#(fact-\d+)"', page))
    assert targets and targets == set(re.findall(r'id="(fact-\d+)"', page))
    assert "[f:" not in page


HOSTILE = "<script>alert(1)</script> ![x](https://evil.example/p) [y](javascript:1) <img src=x onerror=1> | `a` {{ 7 }}"


def hostile_report() -> Report:
    window = Window(AS_OF, AS_OF)
    headline = Fact("news.9", "headline", HOSTILE, Unit.TEXT, SourceName.RSS, window)
    snapshot = replace(SNAPSHOT, facts=(*SNAPSHOT.facts, headline))
    prose = "This is a sentence of the report that says what it is about, and it is as long as it has to be for that."
    text = f"## summary\n\nA headline says so [f:news.9]. {prose}\n\n{prose} {HOSTILE}\n\n- {HOSTILE}\n\n### {HOSTILE}\n\n{prose}"
    text = (
        text.replace("(1)", "()").replace(":1)", ":)").replace("onerror=1", "onerror=x").replace("{{ 7 }}", "{{ x }}")
    )
    run = replace(RUN, status="failed", reason=HOSTILE, models={"quick": HOSTILE})
    return build(example_request(), snapshot, run, {"final_report": text, "bull_1": text})


def test_nothing_in_a_text_runs_or_is_fetched() -> None:
    page = render_html(hostile_report())
    assert page.count("&lt;script&gt;") >= 5
    assert "<script" not in page and "<img" not in page and '<a href="#fact' in page
    for link in re.findall(r'(?:href|src|action|xlink:href)="([^"]*)"', page):
        assert link.startswith("#fact-")
    assert "default-src 'none'" in page
    assert "{{ x }}" in page


def test_nothing_in_a_text_is_markdown() -> None:
    page = render_markdown(hostile_report())
    assert "<script" not in page.replace("\\<script", "") and "](" not in page.replace("\\](", "").replace("\\]\\(", "")
    assert not re.search(r"(?<!\\)!\[", page)
    assert not re.search(r"(?<!\\)`a", page)


def test_prices_alone_make_the_charts_and_none_are_needed() -> None:
    assert render_html(example_report()).count("<svg") == 3
    snapshot = replace(SNAPSHOT, prices=None)
    assert "<svg" not in render_html(build(example_request(), snapshot, RUN, TEXTS))


@pytest.mark.parametrize("rows", [1, 2, 3, 30])
def test_a_short_series_is_drawn_as_far_as_it_goes(rows: int) -> None:
    assert SNAPSHOT.prices is not None
    for flat in (False, True):
        kept = SNAPSHOT.prices.rows[-rows:]
        kept = tuple(replace(kept[0], day=row.day) for row in kept) if flat else kept
        snapshot = replace(SNAPSHOT, prices=replace(SNAPSHOT.prices, rows=kept))
        page = render_html(build(example_request(), snapshot, RUN, TEXTS))
        assert "nan" not in page.lower().replace("finan", "") and "inf" not in re.sub(r"[a-z]inf|inf[a-z]", "", page)


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"object": "receipt"}'])
def test_what_is_no_report_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError):
        Report.from_bytes(content)
