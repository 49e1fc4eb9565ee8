"""The number check on thousands of true sentences, and on what is left of them when something in them is made false."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from functions.research.number_check import check, remove_unproven
from tests.research.example import example_snapshot
from tests.research.statements import MUTATIONS, mutations, true_statements
from tests.research.vendors import full_snapshot

WRONGLY_ACCEPTED_MAX = 0.005
WRONGLY_REFUSED_MAX = 0.01


def measure(statements: int, seed: int) -> None:
    chance = random.Random(seed)
    accepted: Counter[str] = Counter()
    looked_at: Counter[str] = Counter()
    refused, true = [], 0
    passed = []
    for snapshot in (full_snapshot(), example_snapshot()):
        facts = snapshot.by_id
        for statement in true_statements(snapshot.facts, seed, statements // 2):
            true += 1
            if check(statement.text, facts).findings:
                refused.append(statement.text)
                continue
            for name, text in mutations(statement, snapshot.facts, chance):
                looked_at[name] += 1
                if not check(text, facts).findings:
                    accepted[name] += 1
                    passed.append(f"{name}: {text}")
    false = sum(looked_at.values())
    share_accepted, share_refused = sum(accepted.values()) / false, len(refused) / true
    print(
        f"\n{true} true sentences, {share_refused:.2%} wrongly refused; {false} false ones, {share_accepted:.2%} wrongly accepted"
    )
    for name in MUTATIONS:
        print(f"  {name:34} {accepted[name]:4} of {looked_at[name]:6}")
    print(*[f"refused: {text}" for text in refused[:12]], *[f"accepted: {text}" for text in passed[:12]], sep="\n")
    assert set(looked_at) == set(MUTATIONS)
    assert share_accepted < WRONGLY_ACCEPTED_MAX
    assert share_refused < WRONGLY_REFUSED_MAX


def test_false_numbers_are_refused_and_true_ones_are_not() -> None:
    measure(300, seed=1)


@pytest.mark.proof
def test_false_numbers_are_refused_and_true_ones_are_not_at_full_size() -> None:
    measure(20_000, seed=2)


def test_what_is_left_after_the_removal_has_no_finding_and_keeps_what_was_true() -> None:
    snapshot, chance = full_snapshot(), random.Random(5)
    for statement in true_statements(snapshot.facts, 5, 60):
        if check(statement.text, snapshot.by_id).findings:
            continue
        for _, text in mutations(statement, snapshot.facts, chance):
            whole = (
                f"Trends matter.\n\n{text}\n\nThe close was {snapshot.by_id['price.close'].value} USD [f:price.close]."
            )
            clean, removed = remove_unproven(whole, snapshot.by_id)
            assert removed
            assert not check(clean, snapshot.by_id).findings
            assert clean.startswith("Trends matter.")
            assert clean.endswith("USD [f:price.close].")
