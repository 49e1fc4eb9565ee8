"""Queries and scans that take more than one page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from tokens_forge.store.codec import Item
from tokens_forge.store.dynamodb_faults import faults


def items_of(call: Callable[..., Any], **parameters: Any) -> Iterator[Item]:
    """Every item that a client's `query` or `scan` finds. A page is asked for when it is needed. Raises StoreFault."""
    more: dict[str, Any] = {}
    while True:
        with faults():
            page = call(**{**parameters, **more})
        yield from page["Items"]
        if "LastEvaluatedKey" not in page:
            return
        more = {"ExclusiveStartKey": page["LastEvaluatedKey"]}


def first_items(call: Callable[..., Any], limit: int, **parameters: Any) -> list[Item]:
    """The first `limit` items that a `query` without a filter finds, by no request more than needed. Raises StoreFault."""
    return list(islice(items_of(call, Limit=limit, **parameters), limit))
