"""An uploaded file: what is wrong with it is said with its line, what was done to it is noted, and later rows change nothing."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from functions.research.request import CsvReference
from functions.research.sources.csv_upload import ROWS_MAX, read_series
from functions.research.sources.port import PriceSeries
from functions.research.words import Adjustment
from tokens_forge.errors import RequestError

AS_OF = date(2026, 6, 30)
HEAD = "date,open,high,low,close,volume\n"
TWO = "2026-06-26,10,11,9,10.5,1000\n2026-06-29,10.5,12,10,11,1100\n"


def read(
    text: str | bytes, adjustment: Adjustment = Adjustment.SPLIT, as_of: date = AS_OF
) -> tuple[PriceSeries | None, tuple[str, ...]]:
    content = text.encode() if isinstance(text, str) else text
    return read_series(content, CsvReference("0" * 64, adjustment, "USD"), as_of)


def refusal(text: str | bytes, adjustment: Adjustment = Adjustment.SPLIT) -> str:
    with pytest.raises(RequestError) as refused:
        read(text, adjustment)
    assert refused.value.param == "prices_csv"
    return refused.value.message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "no column date, open, high, low, close"),
        (HEAD, "a header but no rows"),
        (HEAD + "\n\n", "a header but no rows"),
        ("day,price\n2026-06-29,4\n", "no column date"),
        ("date,open,high,low,close,close\n" + TWO, "two columns of one name"),
        (b"\xff\xfe\x00", "not UTF-8"),
        ("<!DOCTYPE html><html>", "a web page"),
        (HEAD + "2026-06-29,10,11\n", "Line 2 of prices_csv has 3 cells instead of 6"),
        (HEAD + '2026-06-29,"10,11,9,10,1\n', "malformed"),
        (HEAD + TWO + "2026-06-30,NaN,11,9,10,1\n", "Line 4 of prices_csv has 'NaN' as open"),
        (HEAD + "2026-06-29,10,inf,9,10,1\n", "'inf' as high"),
        (HEAD + "2026-06-29,10,11,,10,1\n", "'' as low"),
        (HEAD + "2026-06-29,10,11,-9,10,1\n", "'-9' as low"),
        (HEAD + "2026-06-29,1e3,1e3,9,10,1\n", "'1e3' as open"),
        (HEAD + "2026-06-29,0,11,0,10,1\n", "must be above zero"),
        (HEAD + "2026-06-29,10,9,8,10,1\n", "a high below"),
        (HEAD + "2026-06-29,10,11,10.5,10,1\n", "a low above"),
        (HEAD + "29.06.2026,10,11,9,10,1\n", "'29.06.2026' where a date"),
        (HEAD + "2026-02-30,10,11,9,10,1\n", "where a date"),
        (
            HEAD + TWO + "2026-06-29,10.5,12,10,11.5,1100\n",
            "Line 4 of prices_csv says something else of 2026-06-29 than line 3",
        ),
    ],
)
def test_a_wrong_file_is_refused_with_the_reason(text: str | bytes, said: str) -> None:
    assert said in refusal(text)


def test_too_many_rows_are_refused() -> None:
    assert f"more than {ROWS_MAX} rows" in refusal(HEAD + "2026-06-29,1,1,1,1,1\n" * (ROWS_MAX + 1))


def test_columns_go_by_name_and_volume_may_be_absent() -> None:
    series, notes = read("\ufeffClose, Low ,HIGH,open,date\r\n11,10,12,10.5,2026-06-29\r\n")
    assert series is not None and notes == ()
    assert (series.rows[0].close, series.rows[0].low, series.rows[0].volume) == (Decimal(11), Decimal(10), None)


def test_rows_out_of_order_are_sorted_and_repeated_ones_left_out_with_a_note() -> None:
    first, second = TWO.splitlines(keepends=True)
    series, notes = read(HEAD + second + first + second)
    assert series == read(HEAD + TWO)[0]
    assert notes == ("Rows were not in the order of days; they were sorted.", "1 repeated rows were left out.")


def test_a_raw_series_that_jumps_like_a_split_is_refused() -> None:
    split = HEAD + "2026-06-26,300,301,299,300.35,1\n2026-06-29,75,76,74,75.09,4\n"
    assert "looks like a 4:1 split (line 3 of prices_csv)" in refusal(split, Adjustment.RAW)
    series, notes = read(split, Adjustment.SPLIT)
    assert series is not None and "although the series is said to be adjusted" in notes[0]


def test_a_stated_split_makes_the_series_split_adjusted() -> None:
    head = "date,open,high,low,close,volume,split_factor\n"
    rows = "2026-06-26,300,304,296,300.4,10,\n2026-06-29,75,76,74,75.1,40,4\n"
    series, notes = read(head + rows, Adjustment.RAW)
    assert series is not None and "split-adjusted now" in notes[0]
    assert series.adjustment is Adjustment.SPLIT
    assert (series.rows[0].close, series.rows[0].volume) == (Decimal("75.1"), Decimal(40))
    assert series.rows[1].close == Decimal("75.1")


def test_a_real_crash_of_a_raw_series_is_stated_with_a_factor_of_one() -> None:
    rows = "date,open,high,low,close,split_factor\n2026-06-26,10,10,10,10,\n2026-06-29,5,5,5,5,1\n"
    series, notes = read(rows, Adjustment.RAW)
    assert series is not None and series.adjustment is Adjustment.RAW and notes == ()


@pytest.mark.parametrize("later", ["2026-07-01,NaN,,x,0,-1\n", "2026-07-01,1,1,1,1,1\n2026-07-01,2,2,2,2,2\n"])
def test_of_a_row_after_the_as_of_date_only_the_date_is_read(later: str) -> None:
    assert read(HEAD + later + TWO) == read(HEAD + TWO)


def test_a_file_of_later_rows_only_has_no_series() -> None:
    assert read(HEAD + TWO, as_of=date(2026, 6, 1)) == (None, ())
