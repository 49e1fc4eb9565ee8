"""Adds the pages of usage and margin into one line for each model and channel, exactly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from tokens_forge.money import Money, decimal

_AMOUNTS = ("charge", "uncharged", "revenue")


def added(lines: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """One line for each model, channel and currency."""
    sums: dict[tuple[str, str, str], dict[str, Any]] = {}
    for line in lines:
        key = (line["model"], line["channel"] or "", line["currency"])
        sums[key] = _plus(sums[key], line) if key in sums else line
    return [_with_margin(sums[key]) for key in sorted(sums)]


def _plus(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    both = dict(first)
    for name, value in second.items():
        if name in _AMOUNTS:
            both[name] = _sum(first[name], value)
        elif isinstance(value, int):
            both[name] = first[name] + value
        elif name == "provider_costs":
            both[name] = {cur: _sum(first[name].get(cur, "0"), value.get(cur, "0")) for cur in {*first[name], *value}}
        elif isinstance(value, dict):
            both[name] = dict(Counter(first[name]) + Counter(value))
        elif name == "unknown":
            both[name] = first[name] or value
    return both


def _with_margin(line: dict[str, Any]) -> dict[str, Any]:
    if "provider_costs" not in line:
        return line
    cost = line["provider_costs"].get(line["currency"], "0")
    return {**line, "margin": None if line["unknown"] else _sum(line["revenue"], "-" + cost)}


def _sum(first: str, second: str) -> str:
    return decimal(Money.parse(first, "XXX").nano + Money.parse(second, "XXX").nano)
