"""Writes the OpenAPI documents of docs/: `make openapi`. A test compares them with what the code says."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from functions.admin import document as admin
from functions.proxy import document as proxy

DOCS = Path(__file__).parents[1] / "docs"
# One for each application; each can be built without any service behind it.
DOCUMENTS: Mapping[str, Callable[[], dict[str, Any]]] = {
    "openapi.json": proxy.build,
    "admin-openapi.json": admin.build,
}


def written(document: dict[str, Any]) -> str:
    """The document as it is committed: a line for each value, so that a change can be read."""
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for name, build in DOCUMENTS.items():
        (DOCS / name).write_text(written(build()))
        print(f"docs/{name}")
