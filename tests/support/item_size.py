"""The size of a DynamoDB item in bytes, and what it costs to write.

Rules: DynamoDB Developer Guide, "DynamoDB item sizes and formats" and "Read and write operations" (capacity unit
consumption). Where the guide says "approximately", the figures are those of AWS's own engine (test_item_size.py).
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

UNIT_BYTES = 1024

# An attribute as the low-level API has it: {"S": "text"}, {"M": {…}}.
Attribute = Mapping[str, Any]
Item = Mapping[str, Attribute]


def item_bytes(item: Item | None) -> int:
    """Names and values; an item that does not exist has none."""
    return sum(_utf8(name) + value_bytes(value) for name, value in (item or {}).items())


def value_bytes(attribute: Attribute) -> int:
    """One value without its name. Raises KeyError for a type that DynamoDB does not have."""
    ((kind, value),) = attribute.items()
    match kind:
        case "S":
            return _utf8(value)
        case "N":
            return number_bytes(value)
        case "B":
            return _binary(value)
        case "BOOL" | "NULL":
            return 1
        case "SS":
            return sum(_utf8(element) for element in value)
        case "NS":
            return sum(number_bytes(element) for element in value)
        case "BS":
            return sum(_binary(element) for element in value)
        case "L":
            return 3 + sum(1 + value_bytes(element) for element in value)
        case "M":
            return 3 + sum(1 + _utf8(name) + value_bytes(element) for name, element in value.items())
    raise KeyError(f"not an attribute type of DynamoDB: {kind}")


def number_bytes(number: str) -> int:
    """One byte per two significant digits, one more, one for a minus sign. Zeroes at either end are not significant.

    Digits are paired from the decimal point on, as AWS's own engine does it: 1500000 is 01|50|00|00, two pairs.
    """
    sign, digits, exponent = Decimal(number).as_tuple()
    if not isinstance(exponent, int):
        raise ValueError(f"not a number of DynamoDB: {number}")
    significant = "".join(map(str, digits)).lstrip("0")
    if not significant:
        return 1
    trimmed = significant.rstrip("0")
    exponent += len(significant) - len(trimmed)
    pairs = (len(trimmed) + exponent % 2 + 1) // 2
    return pairs + 1 + sign


def write_units(before: Item | None, after: Item | None, *, transactional: bool = False) -> int:
    """The larger of the two sizes in started kilobytes, at least one, double inside a transaction."""
    size = max(item_bytes(before), item_bytes(after), 1)
    return -(-size // UNIT_BYTES) * (2 if transactional else 1)


def _utf8(text: str) -> int:
    return len(text.encode())


def _binary(value: bytes | str) -> int:
    return len(b64decode(value)) if isinstance(value, str) else len(value)
