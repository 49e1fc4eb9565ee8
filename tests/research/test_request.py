"""A request that cannot be researched is refused before anything is priced, and the answer names the field."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from functions.research.request import CSV_BYTES_MAX, ResearchRequest, VendorKeys, csv_bytes
from functions.research.words import Adjustment, Language, SourceName
from tokens_forge.errors import RequestError

TODAY = date(2026, 11, 25)
CSV = "date,open,high,low,close\n2026-06-29,1,1,1,1\n"


def parse(**body: Any) -> ResearchRequest:
    return ResearchRequest.parse({"symbol": "AAPL", **body}, TODAY)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"symbol": None}, "symbol"),
        ({"symbol": ""}, "symbol"),
        ({"symbol": "AA PL"}, "symbol"),
        ({"symbol": "../../etc"}, "symbol"),
        ({"symbol": "A" * 16}, "symbol"),
        ({"symbol": "ＡＡＰＬ"}, "symbol"),
        ({"as_of": "2026-11-26"}, "as_of"),
        ({"as_of": "2026-02-30"}, "as_of"),
        ({"as_of": "1989-12-31"}, "as_of"),
        ({"as_of": "yesterday"}, "as_of"),
        ({"as_of": 20260101}, "as_of"),
        ({"preset": "huge"}, "preset"),
        ({"preset": ["brief"]}, "preset"),
        ({"language": "xx"}, "language"),
        ({"language": None}, "language"),
        ({"sources": []}, "sources"),
        ({"sources": "rss"}, "sources"),
        ({"sources": ["yahoo"]}, "sources"),
        ({"sources": [{}]}, "sources"),
        ({"sources": ["sample", "alpha_vantage"], "vendor_keys": {"alpha_vantage": "k"}}, "sources"),
        ({"sources": ["csv"]}, "prices_csv"),
        ({"prices_csv": CSV, "prices_adjustment": "raw", "sources": ["rss"]}, "prices_csv"),
        ({"prices_csv": "", "prices_adjustment": "raw"}, "prices_csv"),
        ({"prices_csv": 7, "prices_adjustment": "raw"}, "prices_csv"),
        ({"prices_csv": "\ud800", "prices_adjustment": "raw"}, "prices_csv"),
        ({"prices_csv": "x" * (CSV_BYTES_MAX + 1), "prices_adjustment": "raw"}, "prices_csv"),
        ({"prices_csv": CSV}, "prices_adjustment"),
        ({"prices_csv": CSV, "prices_adjustment": "some"}, "prices_adjustment"),
        ({"prices_csv": CSV, "prices_adjustment": "raw", "prices_currency": "dollars"}, "prices_currency"),
        ({"sources": ["fred"]}, "vendor_keys.fred"),
        ({"sources": ["alpha_vantage"], "vendor_keys": {"fred": "k"}}, "vendor_keys.alpha_vantage"),
        ({"sources": ["fred"], "vendor_keys": {"fred": "a&b=c"}}, "vendor_keys.fred"),
        ({"sources": ["fred"], "vendor_keys": {"fred": 5}}, "vendor_keys.fred"),
        ({"sources": ["fred"], "vendor_keys": {"openai": "k"}}, "vendor_keys"),
        ({"sources": ["fred"], "vendor_keys": "k"}, "vendor_keys"),
    ],
)
def test_a_wrong_field_is_named(body: dict[str, Any], param: str) -> None:
    with pytest.raises(RequestError) as refused:
        parse(**body)
    assert refused.value.param == param


@pytest.mark.parametrize(
    ("file", "said"),
    [(7, "must be the text"), (" ", "is empty"), ("x" * (CSV_BYTES_MAX + 1), "may have at most 2000000 bytes")],
)
def test_it_is_told_what_is_wrong_with_a_file(file: object, said: str) -> None:
    with pytest.raises(RequestError, match=said):
        parse(prices_csv=file, prices_adjustment="raw")


def test_without_more_it_is_the_sample_of_today_in_english() -> None:
    request = parse(symbol=" brk.b ")
    assert (request.symbol, request.as_of, request.preset) == ("BRK.B", TODAY, "standard")
    assert (request.language, request.sources, request.csv) == (Language.ENGLISH, (SourceName.SAMPLE,), None)


def test_an_uploaded_file_is_named_by_its_digest_and_its_adjustment() -> None:
    body = {"symbol": "AAPL", "prices_csv": CSV, "prices_adjustment": "split", "prices_currency": "EUR"}
    request = ResearchRequest.parse(body, TODAY)
    assert request.sources == (SourceName.CSV,)
    assert request.csv is not None
    assert (request.csv.adjustment, request.csv.currency, len(request.csv.sha256)) == (Adjustment.SPLIT, "EUR", 64)
    assert csv_bytes(body) == CSV.encode()


def test_a_request_is_stored_and_read_again() -> None:
    for request in (parse(language="zh", preset="deep"), parse(prices_csv=CSV, prices_adjustment="raw")):
        assert ResearchRequest.from_json(request.to_json()) == request


def test_a_vendor_key_does_not_show() -> None:
    body = {"sources": ["fred"], "vendor_keys": {"fred": "theotheruserskey"}}
    assert "theotheruserskey" not in repr(parse(**body)) + str(parse(**body).to_json()) + repr(VendorKeys.parse(body))
    with pytest.raises(RequestError) as refused:
        parse(sources=["fred"], vendor_keys={"fred": "the other key!"})
    assert "the other key" not in str(refused.value.body())
