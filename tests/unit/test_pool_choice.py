"""The choice among a pool's members."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from tests.unit.builders import NOW_MS
from tests.unit.pool_builders import member
from tokens_forge.channels import PoolMember
from tokens_forge.pool_choice import Standing, choose, earliest_room_ms
from tokens_forge.pool_members import MemberState, Slot, bookings

LATER_MS = NOW_MS + 900_000
NONE_TRIED: frozenset[str] = frozenset()


def busy(slots: int, tokens: int = 0) -> MemberState:
    return MemberState(slots={f"s{number}": Slot(LATER_MS, tokens) for number in range(slots)})


def idle(*names: str) -> list[Standing]:
    return [(member(name), MemberState()) for name in names]


def chosen(
    members: list[Standing], sticky_to: str = "talk", tried: frozenset[str] = NONE_TRIED, tokens: int = 1
) -> str:
    found = choose(members, tokens, sticky_to, tried, NOW_MS)
    return found[0].member_id if found else "none"


def home(sticky_to: str = "talk") -> str:
    return chosen(idle("a", "b", "c"), sticky_to)


def with_state(state: MemberState, of: str) -> list[Standing]:
    return [(each, state if each.member_id == of else known) for each, known in idle("a", "b", "c")]


def test_a_conversation_stays_with_its_member_also_when_others_are_idler() -> None:
    assert chosen(with_state(busy(1), home())) == home()


def test_conversations_are_spread_over_the_members() -> None:
    shares = Counter(home(f"talk {number}") for number in range(3000))
    assert set(shares) == {"a", "b", "c"} and min(shares.values()) > 900


def test_a_member_that_leaves_moves_only_its_own_conversations() -> None:
    for number in range(200):
        talk = f"talk {number}"
        if home(talk) != "c":
            assert chosen(idle("a", "b"), talk) == home(talk)
        home_of_two = chosen(idle("a", "b"), talk)
        two = [(each, busy(1) if each.member_id == home_of_two else known) for each, known in idle("a", "b")]
        switched_off = (member("c", enabled=False), MemberState())
        assert chosen([*two, switched_off], talk) == home_of_two


def test_a_full_member_never_blocks_while_another_has_room() -> None:
    for number in range(50):
        talk = f"talk {number}"
        full = with_state(busy(2), home(talk))
        assert chosen(full, talk) not in (home(talk), "none")


def test_away_from_home_the_most_free_slots_win() -> None:
    talk = next(f"talk {number}" for number in range(50) if home(f"talk {number}") == "a")
    for wide in ("b", "c"):
        members = [
            (replace(each, slots=5) if each.member_id == wide else each, state) for each, state in idle("a", "b", "c")
        ]
        assert chosen(members, talk, tried=frozenset({"a"})) == wide


def test_among_equally_free_members_the_larger_share_of_quota_wins() -> None:
    talk = next(f"talk {number}" for number in range(50) if home(f"talk {number}") == "a")

    def spent(name: str) -> list[Standing]:
        return with_state(MemberState(used=bookings(member(), 400, NOW_MS)), name)

    assert chosen(spent("b"), talk, tried=frozenset({"a"})) == "c"
    assert chosen(spent("c"), talk, tried=frozenset({"a"})) == "b"


def test_a_member_that_was_tried_or_is_too_small_is_passed_over() -> None:
    assert chosen(idle("a", "b", "c"), tried=frozenset({"a", "b"})) == "c"
    small: list[Standing] = [(member("a"), MemberState(used=bookings(member(), 900, NOW_MS)))]
    assert chosen(small, tokens=101) == "none" and chosen(small, tokens=100) == "a"


def test_nobody_is_chosen_from_nobody() -> None:
    nobody: list[tuple[PoolMember, MemberState]] = []
    assert choose(nobody, 1, "talk", NONE_TRIED, NOW_MS) is None
    assert earliest_room_ms(nobody, 1, NOW_MS) is None


def test_a_full_pool_says_when_its_first_member_has_room() -> None:
    def cooling(name: str, wait_ms: int) -> Standing:
        return member(name), MemberState(cooling_until_ms=NOW_MS + wait_ms)

    members = [cooling("a", 9_000), cooling("b", 4_000), (member("c", enabled=False), MemberState())]
    assert earliest_room_ms(members, 1, NOW_MS) == NOW_MS + 4_000
    assert earliest_room_ms(members, 1001, NOW_MS) is None
