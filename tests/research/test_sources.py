"""Vendors as they answer, as they refuse, and as they answer a refusal with HTTP 200."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal

import pytest

from functions.research.sources.edgar import FACTS_KEPT_MS
from functions.research.sources.http import Host, Reply
from functions.research.sources.port import ReportedValue, SourceResult
from functions.research.sources.rss import clean
from functions.research.sources.splits import looks_like_split
from functions.research.words import Adjustment
from tests.research.vendors import (
    ANSWERS,
    PAGE,
    USER_AGENT,
    FakeHttp,
    FreeLimit,
    MemoryCache,
    fetch,
    recorded,
    request_for,
)

FACTS = "/api/xbrl/companyfacts/CIK0000320193.json"
PATHS = {"alpha_vantage": "/query", "edgar": FACTS, "fred": "/fred/series/observations", "rss": "/feed/rssoutbound"}
RESET = {"alpha_vantage": "Alpha Vantage", "edgar": "EDGAR", "fred": "FRED", "rss": "news feed"}


def one(
    source: str, http: FakeHttp | None = None, as_of: date = date(2026, 6, 30), symbol: str = "AAPL"
) -> SourceResult:
    (result,) = fetch(request_for(source, as_of=as_of, symbol=symbol), http)
    return result


def values(result: SourceResult) -> dict[str, ReportedValue]:
    return {value.name: value for value in result.values}


def with_answer(path: str, reply: Reply) -> FakeHttp:
    return FakeHttp({**ANSWERS, path: reply})


@pytest.mark.parametrize("source", PATHS)
@pytest.mark.parametrize(
    "reply",
    [
        PAGE,
        Reply(200, "application/json", PAGE.body),
        Reply(200, "application/json", b""),
        Reply(200, "application/json", b"[1, 2"),
        Reply(200, "application/json", b'["a list"]'),
        Reply(200, "application/json", b'{"facts": [], "observations": {}, "Time Series (Daily)": []}'),
        Reply(
            200,
            "application/json",
            b'{"facts": {"us-gaap": {"Assets": {"units": {"USD": [{}]}}}}, "observations": [{}]}',
        ),
        Reply(302, "text/html", b""),
        Reply(403, "application/json", b"{}"),
        Reply(429, "application/json", b"{}"),
        Reply(503, "text/plain", b"busy"),
    ],
    ids=lambda reply: f"{reply.status}-{reply.body[:24]!r}",
)
def test_a_vendor_that_does_not_answer_as_documented_is_missing_with_a_reason(source: str, reply: Reply) -> None:
    result = one(source, with_answer(PATHS[source], reply))
    assert (result.prices, result.values, result.headlines) == (None, (), ())
    assert all(RESET[source] in reason for reason in result.missing) and result.missing


@pytest.mark.parametrize("source", ["alpha_vantage", "edgar", "fred"])
def test_a_web_page_with_http_200_is_called_one(source: str) -> None:
    assert "answered with a web page instead of data" in one(source, with_answer(PATHS[source], PAGE)).missing[0]


@pytest.mark.parametrize("source", PATHS)
def test_a_vendor_that_is_down_is_missing(source: str) -> None:
    assert "could not be reached" in one(source, FakeHttp({})).missing[0]


@pytest.mark.parametrize(
    ("recording", "said"),
    [
        ("alpha_vantage_note.json", "refuses more requests"),
        ("alpha_vantage_information.json", "reached its daily limit"),
        ("alpha_vantage_error.json", "does not know this symbol"),
    ],
)
def test_alpha_vantage_says_its_errors_with_http_200(recording: str, said: str) -> None:
    result = one("alpha_vantage", with_answer("/query", recorded(recording)))
    assert result.prices is None and said in result.missing[0]


def test_what_a_vendor_says_about_a_key_is_not_repeated() -> None:
    results = [one("alpha_vantage", with_answer("/query", recorded("alpha_vantage_information.json")))]
    results.append(one("fred", with_answer(PATHS["fred"], recorded("fred_bad_key.json", 400))))
    results += [one(source, FakeHttp(answers)) for source in ("alpha_vantage", "fred") for answers in ({}, ANSWERS)]
    assert "USERSKEY" not in repr(results).upper()
    assert "the key may not be valid" in results[1].missing[0]


def test_alpha_vantage_gives_raw_prices_up_to_the_as_of_date() -> None:
    result = one("alpha_vantage", as_of=date(2026, 6, 15))
    assert result.prices is not None
    assert (result.prices.adjustment, result.prices.currency) == (Adjustment.RAW, "USD")
    assert result.prices.window.last == date(2026, 6, 15)
    assert [row.day for row in result.prices.rows] == sorted(row.day for row in result.prices.rows)
    assert "begin after" in one("alpha_vantage", as_of=date(2020, 1, 1)).missing[0]


def test_days_before_a_split_of_a_raw_series_are_left_out_with_a_note() -> None:
    days = {
        f"2026-06-{day}": dict.fromkeys(("1. open", "2. high", "3. low", "4. close", "5. volume"), price)
        for day, price in (("25", "400"), ("26", "404"), ("29", "101"), ("30", "102"))
    }
    body = json.dumps({"Time Series (Daily)": days}).encode()
    result = one("alpha_vantage", with_answer("/query", Reply(200, "application/json", body)))
    assert result.prices is not None and len(result.prices.rows) == 2
    assert "Days before 2026-06-29 were left out" in result.notes[0]


@pytest.mark.parametrize("cell", ["NaN", "0", "-1", "Infinity", "n/a"])
def test_a_price_that_is_none_is_not_taken(cell: str) -> None:
    row = {"1. open": "1", "2. high": "1", "3. low": "1", "4. close": cell, "5. volume": "1"}
    body = json.dumps({"Time Series (Daily)": {"2026-06-29": row}}).encode()
    assert one("alpha_vantage", with_answer("/query", Reply(200, "application/json", body))).prices is None


def test_edgar_gives_what_had_been_filed_by_the_as_of_date() -> None:
    late, early = values(one("edgar")), values(one("edgar", as_of=date(2025, 10, 30)))
    assert late["edgar.revenue_year"].value == Decimal(412500000000)
    assert late["edgar.revenue_year"].published == date(2025, 10, 31)
    assert early["edgar.revenue_year"].value == Decimal(390900000000)
    assert early["edgar.revenue_year_before"].value == Decimal(383285000000)


def test_a_restated_figure_counts_from_the_day_on_which_it_was_filed() -> None:
    before, after = (values(one("edgar", as_of=date(2025, 3, day)))["edgar.revenue_year"] for day in (13, 14))
    assert (before.value, after.value) == (Decimal(391035000000), Decimal(390900000000))


def test_a_change_from_or_to_a_loss_has_no_percentage() -> None:
    found = values(one("edgar"))
    assert found["edgar.net_income_quarter"].value < 0
    assert "edgar.net_income_quarter_change" not in found
    assert found["edgar.net_income_year_change"].value == Decimal("11.5900")


def test_a_day_before_the_first_filing_has_nothing() -> None:
    assert "Nothing that is looked for had been filed" in one("edgar", as_of=date(2016, 1, 1)).missing[0]


def test_figures_long_past_are_not_given_as_the_last_ones() -> None:
    assert "edgar.revenue_year" not in values(one("edgar", as_of=date(2021, 1, 1)))


def test_edgar_is_told_who_asks_and_waits_for_its_turn() -> None:
    http, limit = FakeHttp(), FreeLimit()
    fetch(request_for("edgar"), http, limit=limit)
    assert [headers["user-agent"] for *_, headers in http.asked] == [USER_AGENT] * 2
    assert limit.asked == 2
    assert [host for host, *_ in http.asked] == [Host.SEC_WWW, Host.SEC_DATA]


@pytest.mark.parametrize(
    ("user_agent", "limit"), [(None, FreeLimit()), ("", FreeLimit()), (USER_AGENT, FreeLimit(has_room=False))]
)
def test_without_a_name_or_a_turn_edgar_is_not_asked(user_agent: str | None, limit: FreeLimit) -> None:
    http = FakeHttp()
    (result,) = fetch(request_for("edgar"), http, user_agent=user_agent, limit=limit)
    assert http.asked == [] and result.missing


def test_what_edgar_gave_is_kept_and_read_again() -> None:
    cache, http = MemoryCache(), FakeHttp()
    first = fetch(request_for("edgar"), http, cache=cache)
    again = fetch(request_for("edgar"), http, cache=cache)
    assert first == again and len(http.asked) == 2
    fetch(request_for("edgar", as_of=date(2025, 12, 1)), http, cache=cache)
    assert len(http.asked) == 3, "another as-of date is another answer"
    assert max(until for _, until in cache.kept.values()) >= FACTS_KEPT_MS


def test_a_symbol_that_edgar_does_not_know_is_missing_and_a_dot_is_its_hyphen() -> None:
    assert "no company with the symbol ZZZZ" in one("edgar", symbol="ZZZZ").missing[0]
    berkshire = with_answer("/api/xbrl/companyfacts/CIK0001067983.json", Reply(404, "", b""))
    assert "no company facts" in one("edgar", berkshire, symbol="BRK.B").missing[0]


def test_fred_is_asked_for_the_vintage_of_the_as_of_date_and_a_dot_is_missing() -> None:
    http = FakeHttp()
    found = values(one("fred", http))
    assert all(query["realtime_start"] == query["realtime_end"] == "2026-06-30" for *_, query, _ in http.asked)
    assert found["fred.DGS10"].value == Decimal("4.11"), "neither the dot of 29 June nor the value of 1 July"
    assert found["fred.DGS10.year_ago"].value == Decimal("4.26")
    assert found["fred.DGS10.change_year"].value == Decimal("-0.15")


def test_fred_without_a_known_value_is_missing() -> None:
    body = b'{"observations": [{"date": "2026-06-29", "value": "."}]}'
    result = one("fred", with_answer(PATHS["fred"], Reply(200, "application/json", body)))
    assert result.values == () and len(result.missing) == 4


def test_headlines_are_cleaned_dated_and_not_later_than_the_as_of_date() -> None:
    titles = [headline.title for headline in one("rss").headlines]
    assert titles[0] == "Apple & partners present a smaller phone"
    assert len(titles) == 3 and not any("day after" in title or "unknown day" in title for title in titles)
    assert not any("<" in title or ">" in title for title in titles)
    assert "no headline up to 2020-01-01" in one("rss", as_of=date(2020, 1, 1)).missing[0]


@pytest.mark.parametrize(
    "body",
    [
        recorded("rss_entities.xml").body,
        recorded("rss_entities.xml").body.decode().encode("utf-16"),
        recorded("rss_entities.xml").body.decode().replace("DOCTYPE", "doctype").encode(),
        b"\xff\xfe<rss/>",
        b"http://localhost:1/",
        b"/etc/hostname",
    ],
)
def test_a_feed_with_entities_or_that_is_none_is_not_read(body: bytes) -> None:
    result = one("rss", with_answer(PATHS["rss"], Reply(200, "application/rss+xml", body)))
    assert result.headlines == () and result.missing


def test_a_title_of_nothing_but_marks_is_cleaned_at_once() -> None:
    title = clean("<" * 900_000, 200)
    assert title == "" and clean("a<b>c</b>" + "x" * 300, 200) == "a c " + "x" * 195 + "…"


def test_a_huge_feed_is_cut_off() -> None:
    result = one("rss", with_answer(PATHS["rss"], Reply(200, "", b"<rss>" + b" " * 1_000_001)))
    assert "sent more than" in result.missing[0]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("300.35", "75.09", "4:1"),
        ("100", "50.4", "2:1"),
        ("10", "99", "1:10"),
        ("100", "92", None),
        ("100", "60", None),
    ],
)
def test_a_split_is_told_from_a_bad_day(before: str, after: str, said: str | None) -> None:
    assert looks_like_split(Decimal(before), Decimal(after)) == said
