"""Odd values, and every way to put one into a JSON document in the place of something else."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

ODD: tuple[Any, ...] = (
    None, True, 0, -1, 1.5, "", "word", [], ["word"], [None], [[]], {}, {"type": []}, {"type": {}}, [{}],
)  # fmt: skip


def oddly(document: Any) -> Iterator[Any]:
    """Copies of the document, each with one value replaced."""
    for path in _paths(document):
        for odd in ODD:
            made = copy.deepcopy(document)
            *outer, last = path
            inner = made
            for step in outer:
                inner = inner[step]
            inner[last] = odd
            yield made


def _paths(value: Any, so_far: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    steps = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for step in steps:
        yield (*so_far, step)
        yield from _paths(value[step], (*so_far, step))
