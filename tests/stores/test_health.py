"""What is known of the channels, as it is stored, and the daily cap of paid probes."""

from __future__ import annotations

import pytest

from tests.support.engines import Engine
from tests.unit.builders import NOW_MS
from tokens_forge.health import Health, HealthState, Observation, Source
from tokens_forge.money import Money
from tokens_forge.store.health import KEPT_S, DynamoHealthStore
from tokens_forge.wallets import WalletKind

OFFICIAL, ROUTED = WalletKind.OFFICIAL, WalletKind.ROUTED
SEEN = Observation(Source.TRAFFIC, samples=9, successes=8, streak=2, p50_ms=40, p95_ms=90)
HEALTHY = Health(HealthState.HEALTHY, NOW_MS, NOW_MS + 5, SEEN, looks=3)
DAY, TOMORROW = "2026-11-25", "2026-11-26"


@pytest.fixture
def table(moto: Engine) -> str:
    return moto.table_names["FORGE_STATE_TABLE"]


@pytest.fixture
def store(moto: Engine, table: str) -> DynamoHealthStore:
    return DynamoHealthStore(moto.client(), table)


def test_what_was_seen_comes_back_for_its_own_wallet_only(store: DynamoHealthStore) -> None:
    never_seen = Health(HealthState.UNKNOWN, NOW_MS, NOW_MS, None, looks=0)
    without_times = Health(HealthState.DOWN, NOW_MS, NOW_MS, Observation(Source.PROBE, 1, 0, -1), looks=1)
    store.write_health(OFFICIAL, ("first", "a/small#1"), HEALTHY)
    store.write_health(OFFICIAL, ("second", "small"), never_seen)
    store.write_health(OFFICIAL, ("third", "small"), without_times)
    assert store.read_health(ROUTED) == {}
    assert store.read_health(OFFICIAL) == {
        ("first", "a/small#1"): HEALTHY,
        ("second", "small"): never_seen,
        ("third", "small"): without_times,
    }


def test_a_later_look_replaces_the_earlier_one_and_is_forgotten_a_day_after(
    moto: Engine, store: DynamoHealthStore, table: str
) -> None:
    store.write_health(OFFICIAL, ("first", "small"), HEALTHY)
    down = Health(HealthState.DOWN, NOW_MS + 60_000, NOW_MS + 60_000, SEEN, looks=1)
    store.write_health(OFFICIAL, ("first", "small"), down)
    assert store.read_health(OFFICIAL) == {("first", "small"): down}
    item = moto.client().scan(TableName=table)["Items"][0]
    assert int(item["expires_at"]["N"]) == (NOW_MS + 60_000) // 1000 + KEPT_S


def test_more_channels_than_one_page_holds_are_all_read(moto: Engine, table: str) -> None:
    class SmallPages:
        """A client whose queries end after two items."""

        def __init__(self) -> None:
            self._client = moto.client()
            self.put_item = self._client.put_item

        def query(self, **parameters: object) -> object:
            return self._client.query(**parameters, Limit=2)

    store = DynamoHealthStore(SmallPages(), table)
    for number in range(5):
        store.write_health(ROUTED, (f"channel-{number}", "small"), HEALTHY)
    assert len(store.read_health(ROUTED)) == 5


@pytest.mark.parametrize("broken", [{"state": {"S": "splendid"}}, {"looks": {"S": "3"}}, {"source": {"S": "rumour"}}])
def test_what_another_version_wrote_is_not_known_and_hides_nothing(
    moto: Engine, store: DynamoHealthStore, table: str, broken: dict[str, dict[str, str]]
) -> None:
    for channel_id in ("first", "second"):
        store.write_health(OFFICIAL, (channel_id, "small"), HEALTHY)
    client = moto.client()
    key = {"scope": {"S": "health#official"}, "item": {"S": "first#small"}}
    client.put_item(TableName=table, Item=client.get_item(TableName=table, Key=key)["Item"] | broken)
    assert store.read_health(OFFICIAL) == {("second", "small"): HEALTHY}


def test_probes_cost_up_to_the_cap_on_each_day_for_each_channel_and_currency(store: DynamoHealthStore) -> None:
    def take(
        nano: int, *, kind: WalletKind = OFFICIAL, channel: str = "first", day: str = DAY, currency: str = "USD"
    ) -> bool:
        return store.take(kind, channel, day, Money(nano, currency), cap_nano=100)

    assert not take(101) and take(60) and not take(41) and take(40) and not take(1)
    assert (
        take(100, day=TOMORROW) and take(100, channel="second") and take(100, kind=ROUTED) and take(100, currency="CNY")
    )


def test_what_a_probe_cost_beyond_its_estimate_counts_too(store: DynamoHealthStore) -> None:
    assert store.take(OFFICIAL, "first", DAY, Money(10, "USD"), cap_nano=100)
    store.exceeded(OFFICIAL, "first", DAY, Money(500, "USD"))
    assert not store.take(OFFICIAL, "first", DAY, Money(1, "USD"), cap_nano=100)
