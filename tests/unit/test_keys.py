from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.builders import NOW_MS
from tokens_forge.keys import KeyKind, hash_secret, mint, opens, parse_token
from tokens_forge.wallets import WalletKind

ACCOUNT = "acc_0123456789ab"


@pytest.mark.parametrize("kind", list(KeyKind))
def test_a_key_shows_its_wallet_and_opens_only_with_its_own_secret(kind: KeyKind) -> None:
    made = mint(ACCOUNT, kind, "mine", now_ms=NOW_MS)
    assert made.token.startswith(f"tf_{kind.value}_")
    token = parse_token(made.token)
    assert token is not None
    assert (token.kind, token.account_id, token.key_id) == (kind, ACCOUNT, made.key.key_id)
    assert opens(made.key, token, NOW_MS)
    assert not opens(
        made.key, replace(token, secret=token.secret[:-1] + ("0" if token.secret[-1] != "0" else "1")), NOW_MS
    )


def test_a_key_does_not_open_the_other_wallet() -> None:
    made = mint(ACCOUNT, KeyKind.OFFICIAL, "mine", now_ms=NOW_MS)
    relabelled = parse_token(made.token.replace("tf_official_", "tf_routed_"))
    assert relabelled is not None and not opens(made.key, relabelled, NOW_MS)


def test_the_secret_is_not_kept() -> None:
    made = mint(ACCOUNT, KeyKind.ROUTED, "mine", now_ms=NOW_MS)
    secret = made.token.rpartition("_")[2]
    assert secret not in repr(made.key)
    assert made.key.secret_sha256 == hash_secret(secret) and len(made.key.secret_sha256) == 64


def test_wallets_of_keys() -> None:
    assert KeyKind.OFFICIAL.wallet is WalletKind.OFFICIAL
    assert KeyKind.ROUTED.wallet is WalletKind.ROUTED
    assert KeyKind.MANAGE.wallet is None


def test_an_expiry_is_over_at_its_moment() -> None:
    key = mint(ACCOUNT, KeyKind.ROUTED, "mine", now_ms=NOW_MS, expires_at_ms=NOW_MS + 10).key
    assert not key.is_expired(NOW_MS + 9) and key.is_expired(NOW_MS + 10)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sk-abc",
        "tf_official_",
        f"tf_other_{'0' * 20}_{'0' * 40}",
        f"tf_official_{'0' * 20}_{'0' * 39}",
        f"tf_official_{'0' * 20}_{'0' * 41}",
        f"tf_official_{'O' * 20}_{'0' * 40}",
        f"tf_official_{'0' * 20}_{'0' * 40}\n",
    ],
)
def test_what_is_not_a_key_is_not_parsed(text: str) -> None:
    assert parse_token(text) is None
