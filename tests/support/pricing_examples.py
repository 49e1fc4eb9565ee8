"""The examples of docs/pricing-fields.md: what each field of a request does to its price."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from tokens_forge.endpoints import Endpoint

DOCUMENT = (Path(__file__).parents[2] / "docs" / "pricing-fields.md").read_text()
SMALLEST: dict[Endpoint, dict[str, Any]] = {
    Endpoint.CHAT: {"model": "small", "messages": [{"role": "user", "content": "hi"}]},
    Endpoint.RESPONSES: {"model": "small", "input": "hi"},
    Endpoint.MESSAGES: {"model": "small", "messages": [{"role": "user", "content": "hi"}]},
    Endpoint.COMPLETIONS: {"model": "small", "prompt": "hi"},
    Endpoint.EMBEDDINGS: {"model": "small", "input": "hi"},
}


def examples() -> list[tuple[Endpoint, dict[str, Any], str]]:
    """Endpoint, fields, and what happens, of every row."""
    found = []
    for section in DOCUMENT.split("\n## ")[1:]:
        title = section.partition("\n")[0]
        endpoint = next((one for one in Endpoint if title == f"`POST {one.path}`"), None)
        for example, happens in re.findall(r"^\| `(\{.*\})` \| (.*) \|$", section, re.MULTILINE):
            assert endpoint is not None, title
            found.append((endpoint, json.loads(example), happens))
    return found
