"""What requests say about the channels they called."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import pytest

from tests.unit.builders import NOW_MS, PRICE
from tokens_forge.health import ChannelModel, Sample
from tokens_forge.ids import new_id, time_ms_of
from tokens_forge.intents import Held, Intent, Outcome
from tokens_forge.journal import Attempt, Entry, SettlementReason, UsageSource
from tokens_forge.observing import INTENTS_ENOUGH, SAMPLED_PER_MINUTE, read_traffic, sampled
from tokens_forge.pricing import Usage
from tokens_forge.settlement import Books, Settlement
from tokens_forge.store.port import EntryName, IntentRecord, Unreadable
from tokens_forge.store.simulated import SimulatedLedgerStore
from tokens_forge.wallets import Wallet, WalletKind

ACCOUNT = "acc_0123456789ab"
CURRENCY = {WalletKind.OFFICIAL: "USD", WalletKind.ROUTED: "CNY"}
OK = Attempt("first", "ok", 40)


@dataclass
class Clock:
    at_ms: int = NOW_MS

    def now_ms(self) -> int:
        return self.at_ms

    def sleep_ms(self, duration_ms: float) -> None:
        """Nobody waits here."""


class Watched(SimulatedLedgerStore):
    """Counts what was read."""

    def __init__(self) -> None:
        super().__init__()
        self.minutes: list[str] = []
        self.names = 0

    def minute_intents(self, minute: str) -> list[IntentRecord]:
        self.minutes.append(minute)
        return super().minute_intents(minute)

    def read_entries(self, names: Iterable[EntryName]) -> list[Entry | Unreadable]:
        asked = list(names)
        self.names += len(asked)
        return super().read_entries(asked)


def intent(ago_s: float = 10, **changes: object) -> Intent:
    fields = {
        "request_id": new_id("req", NOW_MS - int(ago_s * 1000)),
        "account_id": ACCOUNT,
        "kind": WalletKind.OFFICIAL,
        "key_id": "key_0123456789abcdefghjk",
        "key_has_spend_limit": False,
        "model": "small",
        "endpoint": "chat.completions",
        "primary_channel_id": "first",
        "price": PRICE,
        "hold_nano": 1000,
        **changes,
    }
    return Intent(**fields)  # type: ignore[arg-type]


@pytest.fixture
def store() -> Watched:
    made = Watched()
    for kind, currency in CURRENCY.items():
        made.open_wallet(Wallet(ACCOUNT, kind, currency, available_nano=10**15, credits_total_nano=10**15))
    return made


def ended(
    store: SimulatedLedgerStore,
    *attempts: Attempt,
    reason: SettlementReason = SettlementReason.COMPLETED,
    made: Intent | None = None,
    ended_ago_s: float = 9,
) -> None:
    """A request that was held and settled."""
    settlement = Settlement(Books(store, Clock(NOW_MS - int(ended_ago_s * 1000))))
    settlement.settle(settlement.hold(made or intent(), 0), Outcome(reason, Usage(), UsageSource.NONE, attempts))


def seen(store: SimulatedLedgerStore, kind: WalletKind = WalletKind.OFFICIAL) -> dict[ChannelModel, list[Sample]]:
    return read_traffic(store, Clock())[kind]


FAILED, BROKE = SettlementReason.UPSTREAM_FAILED, SettlementReason.UPSTREAM_BROKE


@pytest.mark.parametrize(
    ("attempts", "reason", "outcomes"),
    [
        ([OK], SettlementReason.COMPLETED, {"first": "ok"}),
        ([OK], SettlementReason.CLIENT_LEFT, {"first": "ok"}),
        ([OK], BROKE, {"first": "upstream_broke"}),
        ([OK], SettlementReason.DEADLINE, {"first": "deadline"}),
        (
            [Attempt("first", "http_503", 5), Attempt("second", "ok", 7)],
            SettlementReason.COMPLETED,
            {"first": "http_503", "second": "ok"},
        ),
        (
            [Attempt("first", "http_503", 5), Attempt("second", "ok", 7)],
            BROKE,
            {"first": "http_503", "second": "upstream_broke"},
        ),
        ([Attempt("first", "timeout", 5), Attempt("second", "refused", 1)], FAILED, {"first": "timeout", "second": "refused"}),
        ([Attempt("first", "no_credential", 0)], FAILED, {"first": "no_credential"}),
        ([Attempt("first", "rejected_400", 9)], SettlementReason.UPSTREAM_REJECTED, {}),
        ([Attempt("first", "circuit_open", 0), Attempt("second", "pool_full", 0)], FAILED, {}),
        ([Attempt("first", "circuit_open", 0), Attempt("second", "ok", 7)], SettlementReason.COMPLETED, {"second": "ok"}),
        ([Attempt("pool", "http_429", 3), Attempt("pool", "ok", 8)], SettlementReason.COMPLETED, {"pool": "ok"}),
        ([Attempt("pool", "http_429", 3), Attempt("pool", "http_429", 8)], FAILED, {"pool": "http_429"}),
        ([], SettlementReason.NO_OUTPUT, {}),
    ],
)  # fmt: skip
def test_what_each_ending_says_about_its_channels(
    store: Watched, attempts: list[Attempt], reason: SettlementReason, outcomes: dict[str, str]
) -> None:
    ended(store, *attempts, reason=reason)
    found = {channel: samples for (channel, model), samples in seen(store).items() if model == "small"}
    assert {channel: [sample.outcome for sample in samples] for channel, samples in found.items()} == {
        channel: [outcome] for channel, outcome in outcomes.items()
    }


def test_a_sample_has_the_time_of_its_end_and_the_attempts_duration(store: Watched) -> None:
    ended(store, OK, made=intent(ago_s=200), ended_ago_s=3)
    ended(store, OK, made=intent(ago_s=100), ended_ago_s=99)
    assert seen(store)["first", "small"] == [Sample(NOW_MS - 99_000, "ok", 40), Sample(NOW_MS - 3_000, "ok", 40)]


def test_a_request_that_still_runs_says_nothing_and_one_that_could_not_be_settled_says_what_it_kept(
    store: Watched,
) -> None:
    settlement = Settlement(Books(store, Clock()))
    settlement.hold(intent(), 0)
    assert seen(store) == {}
    kept = intent(ago_s=20)
    store.put_intent(kept)
    settlement.keep_outcome(
        Held(kept, 1000), Outcome(FAILED, Usage(), UsageSource.NONE, (Attempt("first", "timeout", 9),))
    )
    assert seen(store) == {("first", "small"): [Sample(NOW_MS - 20_000, "timeout", 9)]}


def test_the_two_wallets_channels_are_apart_also_when_they_have_one_name(store: Watched) -> None:
    ended(store, OK)
    assert seen(store, WalletKind.ROUTED) == {}


def test_what_is_older_than_the_window_is_not_seen(store: Watched) -> None:
    ended(store, OK, made=intent(ago_s=302), ended_ago_s=301)
    ended(store, OK, made=intent(ago_s=300), ended_ago_s=299)
    assert len(seen(store)["first", "small"]) == 1


def records(count: int, model: str = "small") -> list[IntentRecord]:
    minute_ms = NOW_MS // 60_000 * 60_000
    return [
        IntentRecord(intent(model=model, request_id=new_id("req", minute_ms + number * 59_000 // count)))
        for number in range(count)
    ]


def test_few_requests_are_all_taken_and_many_are_sampled_for_each_model() -> None:
    few, many = records(SAMPLED_PER_MINUTE, "rare"), records(1000, "busy")
    taken = sampled([*many, *few])
    assert Counter(record.intent.model for record in taken) == {"busy": SAMPLED_PER_MINUTE, "rare": SAMPLED_PER_MINUTE}


def test_the_same_requests_are_taken_whenever_and_in_whatever_order_they_are_read() -> None:
    many = records(500)
    shuffled = random.Random(1).sample(many, len(many))
    assert sampled(many) == sampled(shuffled)


def test_the_sample_is_unbiased_in_time() -> None:
    """The mean time of the sampled requests of 40 minutes is that of all: within four standard errors of the middle."""
    times = [
        time_ms_of(record.intent.request_id) - NOW_MS // 60_000 * 60_000
        for _ in range(40)
        for record in sampled(records(400))
    ]
    standard_error_ms = 59_000 / 12**0.5 / len(times) ** 0.5
    assert abs(sum(times) / len(times) - 59_000 / 2) < 4 * standard_error_ms


def test_a_busy_deployment_is_judged_by_its_newest_minutes(store: Watched) -> None:
    for number in range(INTENTS_ENOUGH):
        store.put_intent(intent(ago_s=number % 100 / 10))
    read_traffic(store, Clock())
    assert len(store.minutes) == 1
    assert store.names == SAMPLED_PER_MINUTE


def test_a_quiet_deployment_reads_every_minute_of_the_window(store: Watched) -> None:
    read_traffic(store, Clock())
    assert len(store.minutes) == 6, "five minutes ago is in the sixth bucket"
