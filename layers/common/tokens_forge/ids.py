"""Identifiers: a prefix that says what it names, and a ULID, whose first ten letters are its time.

The time inside the id makes every table key a function of the id alone: a receipt is found, and written once, without an index.
"""

from __future__ import annotations

import re
import secrets
from datetime import UTC, datetime

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32, lower case
_VALUE = {letter: value for value, letter in enumerate(_ALPHABET)}
_ULID = re.compile(rf"[0-7][{_ALPHABET}]{{25}}")


def _letters(time_ms: int) -> str:
    letters = []
    for _ in range(10):
        time_ms, value = divmod(time_ms, 32)
        letters.append(_ALPHABET[value])
    return "".join(reversed(letters))


LAST_MOMENT_MS = 253_402_300_799_999  # the year 9999, where dates end
_LAST_MOMENT = _letters(LAST_MOMENT_MS)


def random_letters(count: int) -> str:
    """Unpredictable letters, five bits each."""
    return "".join([_ALPHABET[byte & 31] for byte in secrets.token_bytes(count)])


def new_ulid(now_ms: int) -> str:
    """26 letters: 48 bits of time in milliseconds, 80 random bits (github.com/ulid/spec)."""
    return time_letters(now_ms) + random_letters(16)


def time_letters(now_ms: int) -> str:
    """The ten letters with which an id of this moment begins, whoever draws the rest."""
    assert 0 <= now_ms < 1 << 48
    return _letters(now_ms)


def new_id(prefix: str, now_ms: int) -> str:
    """Such as `req_01k…`: the prefix names the thing."""
    return f"{prefix}_{new_ulid(now_ms)}"


def ulid_of(identifier: str) -> str:
    """The ULID behind the prefix. Raises ValueError when there is none."""
    ulid = identifier.rpartition("_")[2]
    if not _ULID.fullmatch(ulid) or ulid[:10] > _LAST_MOMENT:
        raise ValueError(f"not an identifier: {identifier!r}")
    return ulid


def time_ms_of(identifier: str) -> int:
    """The time in an id, in milliseconds since 1970. Raises ValueError when it is not an id."""
    value = 0
    for letter in ulid_of(identifier)[:10]:
        value = value * 32 + _VALUE[letter]
    return value


DAY_MS = 86_400_000


def day_of(time_ms: int) -> str:
    """The UTC day, such as `2026-11-24`: part of a journal book's key."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat()[:10]


def month_of(time_ms: int) -> str:
    """The UTC month, such as `2026-11`: part of an audit log's key."""
    return day_of(time_ms)[:7]


def minute_of(time_ms: int) -> str:
    """The UTC minute, such as `2026-11-24T13:48`: the bucket of an intent record."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat()[:16]


def time_ms_of_minute(minute: str) -> int:
    """The beginning of a UTC minute such as `2026-11-24T13:48`. Raises ValueError for anything else."""
    return int(datetime.strptime(minute, "%Y-%m-%dT%H:%M").replace(tzinfo=UTC).timestamp()) * 1000


def iso_of(time_ms: int) -> str:
    """The UTC time with milliseconds, such as `2026-11-24T13:48:00.123Z`."""
    moment = datetime.fromtimestamp(time_ms // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{time_ms % 1000:03d}Z"
