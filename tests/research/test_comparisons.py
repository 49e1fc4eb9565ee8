"""Two proven numbers that the sentence puts in the wrong order, and forms of words that are none of that."""

from __future__ import annotations

import pytest

from functions.research.number_check import Fault, check
from tests.research.vendors import full_snapshot

FACTS = full_snapshot().by_id
CLOSE, AVERAGE = "200 USD [f:price.close]", "206.48 USD [f:price.sma_20]"
NOW, BEFORE = "4.11 % [f:fred.UNRATE]", "4.26 % [f:fred.UNRATE.year_ago]"


@pytest.mark.parametrize(
    "text",
    [
        f"At {CLOSE}, the stock holds above its 20-day average of {AVERAGE}.",
        f"The 20-day average of {AVERAGE} lies below the close of {CLOSE}.",
        f"Unemployment has risen to {NOW} from {BEFORE} a year ago.",
        f"Unemployment rose from {BEFORE} to {NOW}.",
        "收盘价200美元[f:price.close]，高于20日均线206.48美元[f:price.sma_20]。",
    ],
)
def test_a_wrong_order_is_found_at_the_second_number(text: str) -> None:
    assert [finding.fault for finding in check(text, FACTS).findings] == [Fault.WRONG_ORDER]


@pytest.mark.parametrize(
    "text",
    [
        f"At {CLOSE}, the stock is below its 20-day average of {AVERAGE}.",
        f"Unemployment fell from {BEFORE} to {NOW}.",
        f"Unemployment has fallen to {NOW} from {BEFORE}.",
        f"The close of {CLOSE} is above what was feared, and the 20-day average is {AVERAGE}.",
        f"The close of {CLOSE} is above water while the 20-day average is {AVERAGE}.",
        f"It stands at -28.4 % [f:price.drawdown], and unemployment went from {NOW} to {BEFORE}.",
        f"The rate of {NOW} compares with {BEFORE} a year ago.",
    ],
)
def test_a_right_order_and_what_is_no_comparison_are_left_alone(text: str) -> None:
    assert not check(text, FACTS).findings


def test_a_number_with_two_faults_is_one_unproven_number() -> None:
    checked = check(f"Unemployment rose from {BEFORE} to 3.11 % [f:fred.UNRATE].", FACTS)
    assert {finding.fault for finding in checked.findings} == {Fault.WRONG_VALUE, Fault.WRONG_ORDER}
    assert (checked.numbers, checked.proven) == (2, 1)
