"""What is read is what was sent, and can be written again: the fast way and the standard library's give the same."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokens_forge import strict_json

_scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
_values = st.recursive(
    _scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=20
)


@given(_values)
def test_whatever_json_can_say_is_read_as_it_was_and_written_as_it_was_read(value: Any) -> None:
    document = json.dumps(value).encode("utf-8")
    assert _exactly(strict_json.loads(document)) == _exactly(value)
    assert _exactly(json.loads(strict_json.dumps(value))) == _exactly(value)


@pytest.mark.parametrize(
    "number", [2**53 + 1, 2**63, -(2**63) - 1, 2**64, 10**40, -(10**19), 1.5e300, 5e-324, 0.1, -0.0, 1.0]
)
def test_no_digit_of_a_number_is_lost(number: float) -> None:
    read = strict_json.loads(b'{"n": %s}' % repr(number).encode())["n"]
    assert _exactly(read) == _exactly(number)
    assert _exactly(json.loads(strict_json.dumps(number))) == _exactly(number)


def test_half_a_surrogate_pair_is_read_and_is_no_text() -> None:
    half = strict_json.loads(rb'"a\ud83d"')
    assert half == "a\ud83d"
    with pytest.raises(UnicodeEncodeError):
        strict_json.dumps(half)
    assert strict_json.dumps(half, half_pairs="replace") == b'"a?"'


@pytest.mark.parametrize(
    "document",
    [b"NaN", b"-Infinity", b"1e999", b"[1,]", b'"\xff"', b"", b"{'a': 1}", b"[" * 100_000, b"1e999" + b"1" * 20],
)
def test_what_is_no_json_is_refused(document: bytes) -> None:
    with pytest.raises(ValueError):
        strict_json.loads(document)


def test_nesting_that_only_one_of_the_two_takes_is_still_written() -> None:
    nested: Any = 1
    for _ in range(400):
        nested = [nested]
    assert strict_json.loads(strict_json.dumps(nested)) == nested
    for _ in range(100_000):
        nested = [nested]
    with pytest.raises(RecursionError):
        strict_json.dumps(nested)


def test_text_stays_text_in_as_few_bytes_as_it_has() -> None:
    assert strict_json.dumps({"text": "Grüße \u4f60"}) == '{"text":"Grüße \u4f60"}'.encode()


def _exactly(value: object) -> str:
    """Also the kind of each number, and the sign of a zero."""
    return repr(value)
