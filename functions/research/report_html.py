"""The report as one self-contained HTML page: no script, no request to anywhere."""

from __future__ import annotations

from functools import cache
from itertools import groupby
from pathlib import Path

import jinja2
from markupsafe import Markup

from functions.research.report import Report
from functions.research.report_text import Block, Kind
from functions.research.report_view import days, view

TEMPLATES = Path(__file__).parent / "templates"


def render_html(report: Report) -> str:
    """Made from the report's JSON alone. Everything is escaped but our own charts, which escape what they are given."""
    page = view(report)
    charts = [Markup(chart) for chart in page.charts()]  # noqa: S704
    return _template().render(
        page=page, document=report.document, label=page.label, days=days, runs=_runs, charts=charts
    )


def _runs(blocks: list[Block]) -> list[tuple[str, list[Block]]]:
    """Neighbouring blocks of one kind, so that list items share a list."""
    return [(kind.value, list(run)) for kind, run in groupby(blocks, key=_kind)]


def _kind(block: Block) -> Kind:
    return block.kind


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html")
