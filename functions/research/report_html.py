"""The report as one self-contained HTML page: no script, no request to anywhere."""

from __future__ import annotations

from functions.research.report import Report


def render_html(report: Report) -> str:
    """Made from the report's JSON alone."""
    raise NotImplementedError
