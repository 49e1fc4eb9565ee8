"""The snapshot: nothing after the as-of date gets in or changes its hash, and what it holds is read back as it was."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.research.facts import Fact, Unit
from functions.research.request import ResearchRequest
from functions.research.snapshot import HEADLINES_MAX, PRICE_DAYS_MAX, Snapshot, freeze
from functions.research.sources.port import (
    Headline,
    MixedAdjustments,
    PriceRow,
    PriceSeries,
    ReportedValue,
    SourceResult,
)
from functions.research.words import Adjustment, SourceName, Window
from tests.research.example import example_snapshot
from tests.research.vendors import ANSWERS, AS_OF, FakeHttp, fetch, full_snapshot, request_for
from tokens_forge.errors import RequestError

ONE = Decimal(1)


def row(day: date, price: Decimal = ONE) -> PriceRow:
    return PriceRow(day, price, price, price, price, Decimal(100))


def series(days: int, adjustment: Adjustment = Adjustment.SPLIT, last: date = AS_OF) -> PriceSeries:
    rows = tuple(row(last - timedelta(days=back), Decimal(100 + back % 7)) for back in reversed(range(days)))
    return PriceSeries(adjustment, "USD", rows)


def result(source: SourceName = SourceName.CSV, **parts: Any) -> SourceResult:
    return SourceResult(source, "a source", **parts)


def value(published: date, last: date, number: str = "5") -> ReportedValue:
    return ReportedValue("edgar.x", "x", Decimal(number), Unit.NUMBER, Window(last, last), published)


LATER = st.dates(AS_OF + timedelta(days=1), AS_OF + timedelta(days=4000))
PRICES = st.decimals("0.01", "9999", places=2)


@given(
    rows=st.lists(st.builds(row, LATER, PRICES), max_size=20),
    values=st.lists(
        st.builds(value, LATER, st.dates(max_value=AS_OF)) | st.builds(value, st.just(AS_OF), LATER), max_size=5
    ),
    headlines=st.lists(st.builds(Headline, LATER, st.text(max_size=20), st.text(max_size=5)), max_size=30),
)
def test_rows_after_the_as_of_date_leave_the_hash_unchanged(
    rows: list[PriceRow], values: list[ReportedValue], headlines: list[Headline]
) -> None:
    prices = series(40)
    known = result(prices=prices, values=(value(AS_OF, AS_OF),), headlines=(Headline(AS_OF, "title", ""),))
    longer = tuple(sorted((*prices.rows, *rows), key=lambda one: one.day))
    more = replace(
        known,
        prices=replace(prices, rows=longer),
        values=(*values, *known.values),
        headlines=(*headlines, *known.headlines),
    )
    request = request_for("sample")
    assert freeze(request, [more]).to_bytes() == freeze(request, [known]).to_bytes()


@given(tail=st.lists(st.tuples(LATER, PRICES), max_size=8), cut=st.integers(0, 30))
def test_an_uploaded_file_with_later_rows_has_the_hash_of_the_one_without(
    tail: list[tuple[date, Decimal]], cut: int
) -> None:
    head = ["date,open,high,low,close"]
    body = [f"{AS_OF - timedelta(days=back)},5,6,4,5.5" for back in reversed(range(30))]
    later = [f"{day},{price},{price},{price},{price}" for day, price in tail]

    def frozen(lines: list[str]) -> str:
        content = "\n".join(lines)
        request = ResearchRequest.parse(
            {"symbol": "X", "as_of": str(AS_OF), "prices_csv": content, "prices_adjustment": "split"}, AS_OF
        )
        return freeze(request, fetch(request, csv=content.encode())).sha256

    assert frozen([*head, *body[:cut], *later, *body[cut:]]) == frozen([*head, *body])


def test_what_vendors_have_of_later_days_changes_nothing() -> None:
    """The same answers, once with all that is later than the as-of date taken out and once with it changed."""
    as_of = date(2025, 10, 31)
    request = request_for("alpha_vantage", "edgar", "fred", "rss", as_of=as_of)
    without, changed = dict(ANSWERS), dict(ANSWERS)
    for path, reply in ANSWERS.items():
        if reply.content_type == "application/json":
            without[path] = replace(reply, body=json.dumps(_until(json.loads(reply.body), as_of)).encode())
            later = rb'("val": )-?[0-9.]+(?=[^}]*"filed": "(?:2026|2025-1[12]))'
            changed[path] = replace(reply, body=re.sub(later, rb"\g<1>7", reply.body))
    assert without != ANSWERS != changed
    hashes = {freeze(request, fetch(request, FakeHttp(answers))).sha256 for answers in (ANSWERS, without, changed)}
    assert len(hashes) == 1


def _until(node: Any, as_of: date) -> Any:
    """A vendor's document without the entries that are about, or were filed on, a later day."""
    if isinstance(node, list):
        return [_until(one, as_of) for one in node if not _is_later(one, as_of)]
    if isinstance(node, dict):
        return {key: _until(one, as_of) for key, one in node.items() if not (key[:2] == "20" and key > str(as_of))}
    return node


def _is_later(entry: Any, as_of: date) -> bool:
    return isinstance(entry, dict) and max(str(entry.get("filed", "")), str(entry.get("date", ""))) > str(as_of)


def test_a_changed_row_before_the_as_of_date_changes_the_hash() -> None:
    prices = series(40)
    changed = replace(prices, rows=(*prices.rows[:-1], replace(prices.rows[-1], close=Decimal(7))))
    request = request_for("sample")
    assert freeze(request, [result(prices=prices)]).sha256 != freeze(request, [result(prices=changed)]).sha256


def test_preset_and_language_are_no_part_of_the_hash_and_equal_values_have_equal_bytes() -> None:
    prices = series(3)
    spelled = replace(prices, rows=tuple(replace(one, close=Decimal(f"{one.close}.000")) for one in prices.rows))
    english, chinese = request_for("sample"), request_for("sample", language="zh")
    assert freeze(english, [result(prices=prices)]).sha256 == freeze(chinese, [result(prices=spelled)]).sha256


@pytest.mark.parametrize("snapshot", [full_snapshot(), example_snapshot()], ids=["vendors", "sample"])
def test_a_snapshot_is_read_back_as_it_was(snapshot: Snapshot) -> None:
    assert Snapshot.from_bytes(snapshot.to_bytes()) == snapshot
    assert Snapshot.from_bytes(snapshot.to_bytes()).sha256 == snapshot.sha256
    assert all(fact.fact_id in snapshot.by_id for fact in snapshot.facts)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        b'{"version": 2}',
        b"null",
        full_snapshot().to_bytes().replace(b'"unit":"money"', b'"unit":"gold"'),
    ],
)
def test_what_is_no_snapshot_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError):
        Snapshot.from_bytes(content)


def test_differently_adjusted_series_are_never_mixed() -> None:
    request = request_for("sample")
    one = result(prices=series(5, Adjustment.RAW))
    for other in (series(5, Adjustment.SPLIT), series(5, Adjustment.RAW)):
        with pytest.raises(MixedAdjustments):
            freeze(request, [one, result(SourceName.SAMPLE, prices=other)])


def test_every_source_has_its_window_and_every_gap_its_reason() -> None:
    request = request_for("rss", "edgar")
    snapshot = freeze(request, fetch(request, user_agent=None))
    assert [(use.source.value, use.window is None) for use in snapshot.sources] == [("rss", False), ("edgar", True)]
    assert [gap.source.value for gap in snapshot.missing] == ["edgar"]


def test_prices_that_end_long_before_the_as_of_date_are_said_to() -> None:
    old = freeze(request_for("sample"), [result(prices=series(5, last=AS_OF - timedelta(days=30)))])
    assert "30 days before the as-of date" in old.missing[0].reason


def test_a_run_without_any_data_ends_with_the_reasons() -> None:
    request = request_for("fred", "rss")
    with pytest.raises(RequestError) as refused:
        freeze(request, fetch(request, FakeHttp({})))
    assert refused.value.param == "sources"
    assert "could not be reached" in refused.value.message


def test_the_size_of_a_snapshot_is_bounded() -> None:
    headlines = tuple(Headline(AS_OF, f"title {number}", "") for number in range(100))
    snapshot = freeze(request_for("sample"), [result(prices=series(3000), headlines=headlines)])
    assert snapshot.prices is not None and len(snapshot.prices.rows) == PRICE_DAYS_MAX
    assert len(snapshot.headlines) == HEADLINES_MAX


def test_a_short_series_has_the_facts_that_it_is_long_enough_for() -> None:
    facts = freeze(request_for("sample"), [result(prices=series(1))]).by_id
    assert "price.close" in facts and "price.return_1d" not in facts and "price.rsi_14" not in facts
    assert "52" not in facts["price.high_year"].label


def test_a_fact_of_money_has_a_currency_and_an_id_is_plain() -> None:
    window = Window(AS_OF, AS_OF)
    with pytest.raises(ValueError):
        Fact("a", "a", "1", Unit.MONEY, SourceName.CSV, window)
    with pytest.raises(ValueError):
        Fact("a]b", "a", "1", Unit.NUMBER, SourceName.CSV, window)
