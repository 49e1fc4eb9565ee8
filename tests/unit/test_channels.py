from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.builders import CHANNEL
from tokens_forge.channels import ChannelKind, Costs, PoolMember, QuotaWindow, require_safe_url
from tokens_forge.pricing import UnitPrices, Usage
from tokens_forge.wallets import WalletKind

MEMBER = PoolMember("one", "secret-one", slots=2)


@pytest.mark.parametrize(
    ("url", "loopback_allowed"),
    [
        ("https://api.example.com/v1", False),
        ("https://api.example.com:8443/v1/", True),
        ("http://127.0.0.1:8090/v1", True),
        ("http://localhost/v1", True),
        ("http://[::1]:80/v1", True),
    ],
)
def test_a_credential_may_go_to_https_and_in_the_local_stage_to_this_machine(url: str, loopback_allowed: bool) -> None:
    require_safe_url(url, loopback_allowed=loopback_allowed)


@pytest.mark.parametrize(
    ("url", "loopback_allowed"),
    [
        ("http://127.0.0.1:8090/v1", False),
        ("http://api.example.com/v1", True),
        ("http://127.0.0.1.example.com/v1", True),
        ("http://10.0.0.1/v1", True),
        ("ftp://127.0.0.1/v1", True),
        ("https://user:secret@api.example.com/v1", True),
        ("https://user@api.example.com/v1", True),
        ("https://api.example.com/v1?key=secret", True),
        ("https://api.example.com/v1#part", True),
        ("https:///v1", True),
        ("", True),
        ("api.example.com", True),
    ],
)
def test_a_credential_may_go_nowhere_else(url: str, loopback_allowed: bool) -> None:
    with pytest.raises(ValueError):
        require_safe_url(url, loopback_allowed=loopback_allowed)


def test_a_channel_belongs_to_exactly_one_wallet() -> None:
    assert {kind: kind.wallet for kind in ChannelKind} == {
        ChannelKind.OFFICIAL: WalletKind.OFFICIAL,
        ChannelKind.STANDARD: WalletKind.ROUTED,
        ChannelKind.COMPATIBLE: WalletKind.ROUTED,
        ChannelKind.POOL: WalletKind.ROUTED,
    }


def test_a_pool_has_members_and_nothing_else_has() -> None:
    assert replace(CHANNEL, kind=ChannelKind.POOL, members=(MEMBER,)).members == (MEMBER,)
    with pytest.raises(ValueError):
        replace(CHANNEL, kind=ChannelKind.POOL)
    with pytest.raises(ValueError):
        replace(CHANNEL, members=(MEMBER,))
    with pytest.raises(ValueError):
        replace(CHANNEL, kind=ChannelKind.POOL, members=(MEMBER, replace(MEMBER, slots=1)))


@pytest.mark.parametrize("slots", [0, -1, 101])
def test_a_member_has_a_sensible_number_of_slots(slots: int) -> None:
    with pytest.raises(ValueError):
        replace(MEMBER, slots=slots)


@pytest.mark.parametrize(
    ("length_s", "tokens_max", "requests_max"),
    [(59, 1, 1), (32 * 24 * 3600, 1, 1), (3600, None, None), (3600, 0, None), (3600, 5, -1)],
)
def test_a_window_limits_something_for_a_sensible_time(
    length_s: int, tokens_max: int | None, requests_max: int | None
) -> None:
    with pytest.raises(ValueError):
        QuotaWindow(length_s, tokens_max, requests_max)


def test_a_cost_is_known_only_for_models_whose_cost_was_entered() -> None:
    costs = Costs("USD", {"small": UnitPrices(1_000_000, 0, 0, 2_000_000)})
    assert costs.of("small", Usage(input=3, output=4)) == 11
    assert costs.of("large", Usage(input=3, output=4)) is None
