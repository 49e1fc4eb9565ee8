from __future__ import annotations

import pytest

from tokens_forge.providers.retry_after import WAIT_S_MAX, retry_after_s

NOW_MS = 1_790_000_000_000


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after": " 0 "}, 0),
        ({"retry-after": str(WAIT_S_MAX)}, WAIT_S_MAX),
        ({"retry-after": "Mon, 21 Sep 2026 14:13:50 GMT"}, 30),
        ({"anthropic-ratelimit-unified-reset": "1790000060"}, 60),
        ({"x-ratelimit-reset": "2026-09-21T14:15:20Z"}, 120),
        ({"ratelimit-reset": "45"}, 45),
        ({"retry-after": "nonsense", "x-ratelimit-reset": "9"}, 9),
    ],
)
def test_a_wait_is_understood_in_any_of_the_ways_providers_say_it(headers: dict[str, str], wait_s: int) -> None:
    assert retry_after_s(headers, NOW_MS) == wait_s


@pytest.mark.parametrize(
    "value",
    [
        "",
        "-5",
        "1.5",
        "soon",
        "9" * 12,
        "9" * 400,
        "1789999999",
        "Mon, 21 Sep 2020 14:13:50 GMT",
        "Mon, 21 Sep 9999 14:13:50 GMT",
        "٣",
        "\x00",
    ],
)
def test_what_cannot_be_true_is_not_believed(value: str) -> None:
    assert retry_after_s({"retry-after": value}, NOW_MS) is None
