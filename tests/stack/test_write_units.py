"""What a request costs in DynamoDB: three serial round trips and six write units, counted call by call."""

from __future__ import annotations

import pytest

from tests.support.calls import record
from tests.support.deployment import deploy
from tests.support.engines import Engine
from tests.support.http import Api
from tests.support.item_size import item_bytes
from tests.support.server import serve
from tests.support.upstream import Upstream
from tokens_forge.wallets import WalletKind


@pytest.mark.parametrize("streamed", [False, True])
def test_a_request_costs_three_round_trips_and_six_write_units(
    moto: Engine, upstream: Upstream, streamed: bool
) -> None:
    client = moto.client()
    deployment = deploy(moto, upstream.base_url, client=client)
    deployment.fund(WalletKind.OFFICIAL, "10")
    with serve(deployment.app, lifespan="on") as url:
        api = Api(url + "/v1", deployment.key())
        assert api.get("/models").status_code == 200  # key and catalog are in their caches from now on
        with record(client, observer=moto.client()) as calls:
            response = api.stream()[0] if streamed else api.chat()
            assert response.status_code == 200
    assert calls.operations == ["PutItem", "UpdateItem", "TransactWriteItems"]
    assert calls.round_trips == 3
    assert calls.write_units == 6


def test_the_items_of_a_request_with_long_names_and_a_backup_stay_below_1_kb(
    moto: Engine, upstream: Upstream
) -> None:
    """Room for the longest names that the demo would not show: else a request would silently cost eight units."""
    from tests.unit.builders import PRICE
    from tokens_forge.intents import Intent
    from tokens_forge.journal import Attempt, Entry, Posting, RequestFacts, SettlementReason, UsageSource
    from tokens_forge.pricing import Usage
    from tokens_forge.store.codec import entry_item, intent_item

    ulid = "01m86yeefshgvfsxn5v0zx9a26"
    model = "provider-name/a-model-name-of-forty-letters-or-so"
    intent = Intent(
        f"req_{ulid}", "acc_0123456789ab", WalletKind.OFFICIAL, "key_0123456789abcdefghjk", True, model,
        "chat.completions", "a-channel-name-of-thirty-letters", PRICE, 10**15,
    )  # fmt: skip
    entry = Entry(
        f"{ulid}.request", intent.account_id, intent.kind, "USD", 1_790_000_000_000,
        (Posting("wallet", -(10**15)), Posting("revenue", 10**15)),
        RequestFacts(
            intent.key_id, model, intent.endpoint,
            (Attempt("a-channel-name-of-thirty-letters", "http_503", 100_000), Attempt("another-channel-of-thirty-letter", "ok", 100_000)),
            True, "2026-11-24T13:48:00Z", "official", PRICE.unit_prices, 18_000_000,
            Usage(10**6, 10**6, 10**6, 10**6, 10**6), UsageSource.PROVIDER, SettlementReason.COMPLETED, 10**15, 10**15, 0,
        ),
    )  # fmt: skip
    assert item_bytes(intent_item(intent)) <= 1024
    assert item_bytes(entry_item(entry)) <= 1024
