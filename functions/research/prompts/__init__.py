"""Prompts: one Markdown file for each role, and the way a stage's messages are put together."""

from __future__ import annotations

from functions.research.prompts.build import build, build_repair, text_without_a_call

__all__ = ["build", "build_repair", "text_without_a_call"]
