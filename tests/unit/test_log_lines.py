"""Every line is one line of JSON, whatever a value is made of."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from tests.support.log_lines import captured

log = logging.getLogger("tokens_forge.here")


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("é\n \U0001f600", "é\n \U0001f600"),
        (2**70, 2**70),  # of more than 64 bits
        ("half \ud800", "half \ud800"),  # of a surrogate pair
        (Path("a"), "a"),
        ({1: "a"}, {"1": "a"}),
    ],
)
def test_a_line_holds_any_value(value: Any, written: Any) -> None:
    with captured() as lines:
        log.info("something", extra={"value": value})
    [line] = lines.text.splitlines()
    assert json.loads(line)["message"] == "something"
    assert json.loads(line)["value"] == written
