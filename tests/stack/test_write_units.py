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
from tests.unit.builders import PRICE
from tokens_forge.intents import Intent
from tokens_forge.journal import Attempt, Entry, Posting, RequestFacts, SettlementReason, UsageSource
from tokens_forge.pricing import Usage
from tokens_forge.store.codec import entry_item, intent_item
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
        # Key, catalog and circuits are in their caches from now on. Circuits are read again beside a hold, every two seconds.
        assert api.chat().status_code == 200
        with record(client, observer=moto.client()) as calls:
            response = api.stream()[0] if streamed else api.chat()
            assert response.status_code == 200
    assert calls.operations == ["PutItem", "UpdateItem", "TransactWriteItems"]
    assert calls.round_trips == 3
    assert calls.write_units == 6


def test_the_items_of_a_request_with_long_names_and_a_backup_stay_below_1_kb(moto: Engine, upstream: Upstream) -> None:
    """Room for the longest names that the demo would not show: else a request would silently cost eight units."""

    ulid = "01m86yeefshgvfsxn5v0zx9a26"
    model = "provider-name/a-model-name-of-forty-letters-or-so"
    channel = "a-channel-name-of-thirty-letters"
    intent = Intent(
        request_id=f"req_{ulid}",
        account_id="acc_0123456789ab",
        kind=WalletKind.OFFICIAL,
        key_id="key_0123456789abcdefghjk",
        key_has_spend_limit=True,
        model=model,
        endpoint="chat.completions",
        primary_channel_id=channel,
        price=PRICE,
        hold_nano=10**15,
    )
    facts = RequestFacts(
        key_id=intent.key_id,
        model=model,
        endpoint=intent.endpoint,
        attempts=(Attempt(channel, "http_503", 100_000), Attempt(channel, "ok", 100_000)),
        backup_used=True,
        price_version="2026-11-24T13:48:00Z",
        price_basis="official",
        unit_prices=PRICE.unit_prices,
        multiplier_ppm=18_000_000,
        usage=Usage(10**6, 10**6, 10**6, 10**6, 10**6),
        usage_source=UsageSource.PROVIDER,
        reason=SettlementReason.COMPLETED,
        hold_nano=10**15,
        charge_nano=10**15,
    )
    postings = (Posting("wallet", -(10**15)), Posting("revenue", 10**15))
    entry = Entry(f"{ulid}.request", intent.account_id, intent.kind, "USD", 1_790_000_000_000, postings, request=facts)
    assert item_bytes(intent_item(intent)) <= 1024
    assert item_bytes(entry_item(entry)) <= 1024
