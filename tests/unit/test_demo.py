"""What `make run` sells fits together."""

from __future__ import annotations

from local import demo
from tokens_forge.wallets import WalletKind


def test_every_demo_route_names_channels_of_its_wallet_that_serve_the_model() -> None:
    provider = demo.Upstream("https://upstream.invalid/v1", "secret", "A provider")
    channels = {channel.channel_id: channel for channel in demo.channels(provider, provider, provider)}
    pool = demo.pool("https://upstream.invalid/v1", "prefix/")
    channels[pool.channel_id] = pool
    for kind in WalletKind:
        for route in demo.routes(kind):
            assert all(channels[name].kind.wallet is kind for name in route.channel_ids)
            assert all(route.model_id in channels[name].models for name in route.channel_ids)


def test_the_last_backup_of_one_routed_model_is_a_pool_whose_members_have_secrets_of_their_own() -> None:
    [route] = [route for route in demo.routes(WalletKind.ROUTED) if route.model_id == demo.POOL_MODEL]
    assert route.channel_ids[-1] == demo.POOL_ID and len(route.channel_ids) > 1
    members = demo.pool("https://upstream.invalid/v1", "prefix/").members
    assert {member.credential for member in members} == {
        f"prefix/{demo.pool_credential(name)}" for name in demo.POOL_MEMBERS
    }
    assert len(members) == len(demo.POOL_MEMBERS)
