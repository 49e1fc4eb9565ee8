"""Tables where people look, JSON where programs do."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

out = Console()


def table(title: str, columns: Sequence[str], rows: Sequence[dict[str, Any]]) -> None:
    """One row for each thing; a column is a field, or a path such as `error.code`."""
    shown = Table(title=f"{title} ({len(rows)})", title_justify="left", header_style="bold")
    for column in columns:
        shown.add_column(column.rpartition(".")[2].replace("_", " "), overflow="fold")
    for row in rows:
        shown.add_row(*(_text(_at(row, column)) for column in columns))
    out.print(shown)


def fields(title: str, thing: dict[str, Any]) -> None:
    """One thing, field by field."""
    shown = Table(title=title, title_justify="left", show_header=False)
    shown.add_column(style="bold")
    shown.add_column(overflow="fold")
    for name, value in thing.items():
        shown.add_row(name.replace("_", " "), _text(value))
    out.print(shown)


def as_json(thing: Any) -> None:
    """For programs."""
    print(json.dumps(thing, indent=2, ensure_ascii=False))


def _at(row: dict[str, Any], path: str) -> Any:
    found: Any = row
    for step in path.split("."):
        found = found.get(step) if isinstance(found, dict) else None
    return found


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(_text(each) for each in value)
    if isinstance(value, dict):
        return ", ".join(f"{name} {_text(each)}" for name, each in value.items())
    return str(value)
