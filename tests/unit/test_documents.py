from __future__ import annotations

import re
from pathlib import Path

from tokens_forge.journal import FREE_OF_CHARGE, SettlementReason
from tokens_forge.receipts import FORMULA

PROJECT = Path(__file__).parents[2]
RECEIPTS = (PROJECT / "docs" / "receipts.md").read_text()
BOOKS = (PROJECT / "docs" / "operations" / "books-do-not-fit.md").read_text()


def test_every_settlement_reason_has_a_written_rule() -> None:
    rules = dict(re.findall(r"^\| `(\w+)` \|[^|]+\| ([^|]+) \|$", RECEIPTS, re.MULTILINE))
    rules.pop("settlement_reason", None)  # the heading
    assert set(rules) == {reason.value for reason in SettlementReason}
    free = {reason for reason, rule in rules.items() if rule.strip() == "nothing"}
    assert free == {reason.value for reason in FREE_OF_CHARGE}


def test_the_published_formula_is_the_one_on_receipts() -> None:
    assert FORMULA in RECEIPTS


def test_every_problem_that_the_reconciliation_can_find_is_explained() -> None:
    named = set(re.findall(r'(?:found|Finding)\(\s*"(\w+)"', _source("reconciliation.py")))
    named |= set(re.findall(r'yield "(\w+)"', _source("checkout/books.py")))
    assert named and named == _explained("books-do-not-fit")


def test_every_problem_that_the_comparison_of_payments_can_find_is_explained() -> None:
    source = _source("checkout/comparison.py")
    named = set(re.findall(r'(?:OrderFinding\(|problem = )\s*"(\w+)"', source))
    named |= set(re.findall(r' else "(\w+)"', source))
    assert named and named == _explained("payments-do-not-fit")


def _source(name: str) -> str:
    return (PROJECT / "layers/common/tokens_forge" / name).read_text()


def _explained(page: str) -> set[str]:
    """The problems in the table of an alarm's page."""
    text = (PROJECT / "docs" / "operations" / f"{page}.md").read_text()
    cells = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", text, re.MULTILINE)
    return set(re.findall(r"`(\w+)`", "".join(cells))) - {"problem"}


def test_every_test_that_proves_a_fact_about_clients_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", (PROJECT / "tests/clients/README.md").read_text()))
    written = set()
    for source in (PROJECT / "tests").rglob("test_*.py"):
        written |= set(re.findall(r"^def (test_\w+)", source.read_text(), re.MULTILINE))
    assert named and named <= written
