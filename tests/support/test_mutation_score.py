"""The score counts what was noticed, by module, and takes silence for nothing."""

from __future__ import annotations

import io

import pytest

from tests.support.mutation_score import main, score

LINES = [
    "some words of the tool",
    "    a.pricing.x_charge__mutmut_1: killed",
    "    a.pricing.x_charge__mutmut_2: survived",
    "    a.books.xǁBooksǁpost__mutmut_1: timeout",
    "    a.books.xǁBooksǁpost__mutmut_2: no tests",
]


def test_only_killed_and_endless_changes_were_noticed() -> None:
    made, noticed = score(LINES)
    assert made == {"a.pricing": 2, "a.books": 2}
    assert noticed == {"a.pricing": 1, "a.books": 1}


@pytest.mark.parametrize(("killed", "survived", "ends"), [(95, 5, 0), (94, 6, 1), (1, 0, 0), (0, 0, 1)])
def test_it_fails_under_95_percent_and_without_results(
    monkeypatch: pytest.MonkeyPatch, killed: int, survived: int, ends: int
) -> None:
    words = ["killed"] * killed + ["survived"] * survived
    lines = [f"    a.pricing.x_charge__mutmut_{number}: {word}" for number, word in enumerate(words)]
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(lines)))
    assert main() == ends
