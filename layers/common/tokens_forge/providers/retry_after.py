"""How long a provider asks us to wait, in any of the ways providers say it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

WAIT_S_MAX = 31 * 24 * 3600  # no quota window is longer than a month; more than that is absurd
_RESET_TIMES = ("anthropic-ratelimit-unified-reset", "x-ratelimit-reset", "ratelimit-reset")


def retry_after_s(headers: Mapping[str, str], now_ms: int) -> int | None:
    """Seconds to wait, at most a month; None when nothing is said that can be true.

    Sources: RFC 9110 §10.2.3 (seconds, or an HTTP date), and the reset headers of rate-limited APIs (seconds since 1970, seconds
    from now, or an RFC 3339 time).
    """
    for name in ("retry-after", *_RESET_TIMES):
        value = headers.get(name, "").strip()
        wait_s = _seconds(value, now_ms) if value else None
        if wait_s is not None:
            return wait_s
    return None


def _seconds(value: str, now_ms: int) -> int | None:
    if value.isascii() and value.isdigit():
        if len(value) > 12:
            return None
        number = int(value)
        # A number as large as a moment of this century is one.
        wait_s = number - now_ms // 1000 if number > 1_000_000_000 else number
    else:
        moment = _moment(value)
        if moment is None:
            return None
        wait_s = int(moment.timestamp()) - now_ms // 1000
    return wait_s if 0 <= wait_s <= WAIT_S_MAX else None


def _moment(value: str) -> datetime | None:
    for parse in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            moment = parse(value)
        except (ValueError, TypeError, OverflowError):
            continue
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return None
