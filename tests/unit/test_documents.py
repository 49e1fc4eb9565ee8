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
    source = (PROJECT / "layers/common/tokens_forge/reconciliation.py").read_text()
    named = set(re.findall(r'(?:found|Finding)\(\s*"(\w+)"', source))
    explained = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", BOOKS, re.MULTILINE))))
    assert named and named == explained - {"problem"}
