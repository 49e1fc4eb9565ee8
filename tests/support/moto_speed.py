"""Two places where moto spends most of its time, made short. What it answers stays the same."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import moto.core.responses
from moto.core.serialize import JSONSerializer

RESPONSES: Any = moto.core.responses
SERIALIZER: Any = JSONSerializer


@contextmanager
def quick_moto() -> Iterator[None]:
    """Values of items are written as they lie in moto, and the actions of a service are listed once."""
    structure, names = SERIALIZER._serialize_type_structure, RESPONSES.method_names_from_class

    def quick(self: Any, serialized: Any, value: Any, shape: Any, key: str) -> None:
        if shape.name == "AttributeValue" and key:
            serialized[key] = wire_value(value)
        else:
            structure(self, serialized, value, shape, key)

    SERIALIZER._serialize_type_structure = quick
    RESPONSES.method_names_from_class = cache(names)
    try:
        yield
    finally:
        SERIALIZER._serialize_type_structure = structure
        RESPONSES.method_names_from_class = names


def wire_value(value: dict[str, Any]) -> dict[str, Any]:
    """One DynamoDB value as JSON. moto looks ten members up in every value, by two names each."""
    [(kind, inside)] = value.items()
    match kind:
        case "S" | "N" | "BOOL" | "NULL" | "SS" | "NS":
            return value
        case "M":
            return {"M": {name: wire_value(each) for name, each in inside.items()}}
        case "L":
            return {"L": [wire_value(each) for each in inside]}
        case "B":
            return {"B": _base64(inside)}
        case "BS":
            return {"BS": [_base64(each) for each in inside]}
        case _:
            raise AssertionError(f"DynamoDB knows no {kind}")


def _base64(value: bytes | str) -> str:
    return base64.b64encode(value if isinstance(value, bytes) else value.encode()).decode()
