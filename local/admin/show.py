"""Tables where people look, JSON where programs do."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

# What is shown was written by customers, too: nothing of it is markup.
out = Console(markup=False, emoji=False)


def table(title: str, columns: Sequence[str], rows: Sequence[dict[str, Any]]) -> None:
    """One row for each thing; a column is a field, or a path such as `error.code`.

    No word is broken, so that every id can be copied: where the rows do not fit side by side, each thing is shown by itself.
    """
    names = [column.rpartition(".")[2].replace("_", " ") for column in columns]
    cells = [[_text(_at(row, column)) for column in columns] for row in rows]
    columns_of_cells = list(zip(names, *cells, strict=True))
    longest = [max(cell_len(word) for cell in column for word in cell.split() or [""]) for column in columns_of_cells]
    widths = [
        max(cell_len(line) for cell in column for line in cell.splitlines() or [""]) for column in columns_of_cells
    ]
    room = out.width - 3 * len(columns) - 1
    title = f"{title} ({len(rows)})"
    if sum(longest) > room:
        out.print(title, style="italic")
        for each in cells:
            out.rule(style="dim")
            for name, cell in zip(names, each, strict=True):
                out.print(f"{name:<{max(map(len, names))}}  {cell}", soft_wrap=True)
        return
    while sum(widths) > room:  # the widest that can wrap becomes narrower
        widest = max((at for at, width in enumerate(widths) if width > longest[at]), key=widths.__getitem__)
        widths[widest] -= 1
    shown = Table(title=title, title_justify="left", header_style="bold")
    for name, width in zip(names, widths, strict=True):
        shown.add_column(name, width=width)
    for each in cells:
        shown.add_row(*each)
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
        return ("\n" if any(isinstance(each, dict) for each in value) else ", ").join(_text(each) for each in value)
    if isinstance(value, dict):
        return ", ".join(f"{name} {_text(each)}" for name, each in value.items())
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in str(value))
