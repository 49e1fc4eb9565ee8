"""How channels and pool members may be called, so that their state has a key of its own."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.builders import CHANNEL
from tests.unit.pool_builders import HOUR, member, pool

BAD_IDS = ["", "#", "a#b", "a b", "-a", "a/b", "ä", "a\n", "x" * 65]


@pytest.mark.parametrize("identifier", BAD_IDS)
def test_ids_that_would_part_the_keys_of_the_state_table_are_refused(identifier: str) -> None:
    with pytest.raises(ValueError, match="an id is"):
        replace(CHANNEL, channel_id=identifier)
    with pytest.raises(ValueError, match="an id is"):
        member(identifier)


@pytest.mark.parametrize("identifier", ["a", "openai-official", "Team_7.eu", "x" * 64])
def test_ordinary_ids_are_taken(identifier: str) -> None:
    assert replace(CHANNEL, channel_id=identifier).channel_id == member(identifier).member_id


def test_a_member_has_one_window_of_each_length_and_a_pool_each_member_once() -> None:
    with pytest.raises(ValueError, match="one window of each length"):
        member(windows=(HOUR, HOUR))
    with pytest.raises(ValueError, match="each member once"):
        pool(member("a"), member("a"))
