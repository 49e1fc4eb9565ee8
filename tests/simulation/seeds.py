"""Seeds that once failed, each with what it showed. A change of the simulation gives every seed another story: what a seed found
stands in `test_holes_found.py` too, by hand. New failures are added here first."""

from __future__ import annotations

ONCE_FAILED: dict[int, str] = {}
