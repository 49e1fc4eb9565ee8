"""docs/deploy.md says what the template says, and its sums are right."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal

from tests.support.template import PROJECT, transformed

GUIDE = (PROJECT / "docs" / "deploy.md").read_text()
CENT = Decimal("0.01")


def rows(heading: str) -> list[list[str]]:
    """The cells of the table under this heading row."""
    _, _, after = GUIDE.partition(f"| {heading} |")
    table = re.match(r".*\n\|[-| ]+\|\n((?:\|.*\n)+)", after)
    assert table is not None, heading
    return [[cell.strip() for cell in line.strip("|").split(" |")] for line in table.group(1).splitlines()]


def number(cell: str) -> Decimal:
    return Decimal(cell.split(" ")[0].replace(",", ""))


def test_every_parameter_is_in_the_guide_with_its_default_and_its_description() -> None:
    told = {name.strip("`"): (default.strip("`"), text) for name, default, text in rows("parameter | default |")}
    assert told == {
        name: (str(parameter.get("Default", "")) or "(empty)", parameter["Description"])
        for name, parameter in transformed()["Parameters"].items()
    }


def test_the_costs_are_amount_times_price_and_add_up() -> None:
    assumed = {number(part) for _, prices in rows("| assumed list price, USD") for part in prices.split(", ")}
    for heading in ("idle | amount | price | USD", "a million calls | amount | price | USD"):
        *lines, total = rows(heading)
        costs = []
        for what, amount, price, cost in lines:
            assert (number(amount) * number(price)).quantize(CENT, ROUND_HALF_UP) == number(cost), what
            assert number(price) in assumed, what
            costs.append(number(cost))
        assert sum(costs) == number(total[-1].strip("*")), heading


def test_the_costs_count_the_alarms_that_there_are() -> None:
    [alarms] = [number(amount) for what, amount, *_ in rows("idle | amount | price | USD") if what == "alarms"]
    found = [each for each in transformed()["Resources"].values() if each["Type"] == "AWS::CloudWatch::Alarm"]
    assert alarms == len(found)
