"""The report as Markdown."""

from __future__ import annotations

from functions.research.report import Report


def render_markdown(report: Report) -> str:
    """Made from the report's JSON alone."""
    raise NotImplementedError
