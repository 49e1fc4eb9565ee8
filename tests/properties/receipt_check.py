"""A stranger's check of a receipt: the script of docs/receipts.md, run as it is printed there."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

DOCUMENT = Path(__file__).parents[2] / "docs" / "receipts.md"


@cache
def published_recompute() -> Callable[[dict[str, Any]], Fraction]:
    """The function that the document tells everyone to use."""
    scripts = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    assert len(scripts) == 1
    names: dict[str, Any] = {}
    exec(scripts[0], names)  # noqa: S102 - our own document
    found: Callable[[dict[str, Any]], Fraction] = names["recompute"]
    return found
