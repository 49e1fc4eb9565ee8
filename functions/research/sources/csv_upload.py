"""The user's own price file. Always works, and says of a wrong file what is wrong with it and where.

A header line, then one line a day: date, open, high, low, close; volume and split_factor may follow. Columns go by their names in
any order. A split_factor of 4 on a day means that four shares stand for one from that day on.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from itertools import pairwise

from functions.research.request import CsvReference, ResearchRequest
from functions.research.sources.port import PriceRow, PriceSeries, SourceResult
from functions.research.sources.splits import looks_like_split
from functions.research.words import Adjustment, SourceName
from tokens_forge.clock import Clock
from tokens_forge.errors import RequestError

ROWS_MAX = 20_000
PRICES = ("open", "high", "low", "close")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_NUMBER = re.compile(r"\d{1,15}(\.\d{1,10})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class CsvUpload:
    """Implements `sources.port.Source`. `read` gives the file kept under a sha256."""

    read: Callable[[str], bytes]

    @property
    def name(self) -> SourceName:
        """The user's own file."""
        return SourceName.CSV

    def fetch(self, request: ResearchRequest, clock: Clock) -> SourceResult:
        """The series of the file. Raises RequestError that names the line."""
        assert request.csv is not None, "a request with the source csv names its file"
        series, notes = read_series(self.read(request.csv.sha256), request.csv, request.as_of)
        return SourceResult(SourceName.CSV, "uploaded price file", prices=series, notes=notes)


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    row: PriceRow
    split: Decimal | None


def read_series(content: bytes, reference: CsvReference, as_of: date) -> tuple[PriceSeries | None, tuple[str, ...]]:
    """The series up to the as-of date, and what was done to it.

    Of a later line only its date is read: whatever else stands there cannot change the result. Raises RequestError.
    """
    lines: list[_Line] = []
    for number, cells in _cells(content):
        day = _day(cells["date"], number)
        if day > as_of:
            continue
        lines.append(_line(number, day, cells))
    notes: list[str] = []
    if any(after.row.day < before.row.day for before, after in pairwise(lines)):
        lines.sort(key=lambda line: line.row.day)
        notes.append("Rows were not in the order of days; they were sorted.")
    lines = _without_repeats(lines, notes)
    if not lines:
        return None, tuple(notes)
    lines, adjustment = _without_splits(lines, reference.adjustment, notes)
    return PriceSeries(adjustment, reference.currency, tuple(line.row for line in lines)), tuple(notes)


def _cells(content: bytes) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Line number and cells by column name."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _wrong("is not UTF-8 text") from None
    if text.lstrip()[:1] == "<":
        raise _wrong("is a web page or XML, not CSV")
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [cell.strip().lower() for cell in next(reader, [])]
        lacking = [name for name in ("date", *PRICES) if name not in header]
        if lacking:
            raise _wrong(f"has no column {', '.join(lacking)} in its first line")
        if len(set(header)) < len(header):
            raise _wrong("has two columns of one name")
        rows = 0
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            rows += 1
            if rows > ROWS_MAX:
                raise _wrong(f"has more than {ROWS_MAX} rows")
            if len(cells) != len(header):
                raise _wrong(f"has {len(cells)} cells instead of {len(header)}", reader.line_num)
            yield reader.line_num, dict(zip(header, (cell.strip() for cell in cells), strict=True))
    except csv.Error as error:
        raise _wrong(f"is malformed: {error}", reader.line_num) from None
    if not rows:
        raise _wrong("has a header but no rows")


def _line(number: int, day: date, cells: Mapping[str, str]) -> _Line:
    first, high, low, close = (_price(cells[name], name, number) for name in PRICES)
    if not low <= min(first, close) or not high >= max(first, close):
        raise _wrong("has a low above, or a high below, another price of the day", number)
    volume = _number(cells["volume"], "volume", number) if cells.get("volume") else None
    split = _price(cells["split_factor"], "split_factor", number) if cells.get("split_factor") else None
    return _Line(number, PriceRow(day, first, high, low, close, volume), split)


def _without_repeats(lines: list[_Line], notes: list[str]) -> list[_Line]:
    kept: dict[date, _Line] = {}
    for line in lines:
        before = kept.setdefault(line.row.day, line)
        if (before.row, before.split) != (line.row, line.split):
            raise _wrong(f"says something else of {line.row.day} than line {before.number}", line.number)
    if len(kept) < len(lines):
        notes.append(f"{len(lines) - len(kept)} repeated rows were left out.")
    return list(kept.values())


def _without_splits(lines: list[_Line], adjustment: Adjustment, notes: list[str]) -> tuple[list[_Line], Adjustment]:
    """Prices before a stated split are divided by it. A raw series that jumps like a split without saying so is an error."""
    for before, after in pairwise(lines):
        ratio = looks_like_split(before.row.close, after.row.close)
        if ratio is None or after.split is not None:
            continue
        moved = f"The close goes from {before.row.close} to {after.row.close} on {after.row.day}, which looks like a {ratio} split"
        if adjustment is Adjustment.RAW:
            raise RequestError(
                f"{moved} (line {after.number} of prices_csv). Give adjusted prices, or a column split_factor: "
                "the factor on that day, or 1 if there was no split.",
                param="prices_csv",
            )
        notes.append(f"{moved}, although the series is said to be adjusted.")
    splits = [line for line in lines if line.split is not None and line.split != 1]
    if not splits or adjustment is not Adjustment.RAW:
        return lines, adjustment
    factor, adjusted = Decimal(1), []
    for line in reversed(lines):
        adjusted.append(replace(line, row=_divided(line.row, factor)))
        factor *= line.split if line.split is not None else 1
    notes.append(f"Prices before {len(splits)} stated split(s) were divided: the series is split-adjusted now.")
    return adjusted[::-1], Adjustment.SPLIT


def _divided(row: PriceRow, factor: Decimal) -> PriceRow:
    if factor == 1:
        return row
    first, high, low, close = (
        (price / factor).quantize(Decimal("0.00000001")) for price in (row.open, row.high, row.low, row.close)
    )
    return PriceRow(row.day, first, high, low, close, None if row.volume is None else row.volume * factor)


def _day(cell: str, number: int) -> date:
    try:
        if not _DAY.fullmatch(cell):
            raise ValueError
        return date.fromisoformat(cell)
    except ValueError:
        raise _wrong(f"has {cell[:20]!r} where a date such as 2026-06-30 belongs", number) from None


def _price(cell: str, name: str, number: int) -> Decimal:
    price = _number(cell, name, number)
    if price <= 0:
        raise _wrong(f"has a {name} of {cell}: it must be above zero", number)
    return price


def _number(cell: str, name: str, number: int) -> Decimal:
    if not _NUMBER.fullmatch(cell):
        raise _wrong(f"has {cell[:20]!r} as {name}: not a plain number", number)
    return Decimal(cell)


def _wrong(what: str, number: int | None = None) -> RequestError:
    where = "prices_csv" if number is None else f"Line {number} of prices_csv"
    return RequestError(f"{where} {what}.", param="prices_csv")
