"""Paid probes: only where they are allowed and priced, within the day's cap whatever dies, on the operator's book alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import pytest

from functions.health.compose import compose_health_check
from tests.support.behaviour import MISSING, Behaviour, error
from tests.support.clocks import MINUTE_MS, ShiftedClock
from tests.support.deployment import MODEL, SWEEP_AFTER_S, Deployment, KnownCredentials, demo_channel
from tests.support.upstream import Upstream
from tokens_forge.channels import Channel, Costs, PaidProbe
from tokens_forge.health import HealthState, Source
from tokens_forge.ids import day_of
from tokens_forge.journal import OPERATOR, Entry, EntryType
from tokens_forge.money import Money
from tokens_forge.pricing import UnitPrices
from tokens_forge.providers.http import HttpUpstream
from tokens_forge.providers.port import UpstreamAnswer, UpstreamCall
from tokens_forge.wallets import WalletKind

OFFICIAL, ROUTED = WalletKind.OFFICIAL, WalletKind.ROUTED
PRICES = UnitPrices(150_000_000, 75_000_000, 150_000_000, 600_000_000)
USAGE = {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10}
COST_NANO = (9 * PRICES.input + PRICES.output + 999_999) // 1_000_000
DAY_MIN = 24 * 60

CHAT = "/chat/completions"


@dataclass
class StandingClock(ShiftedClock):
    """Stands at noon of one day, so that no test runs over midnight; `shift_ms` moves it."""

    noon_ms: int = 1_790_000_000_000 // 86_400_000 * 86_400_000 + 43_200_000

    def now_ms(self) -> int:
        return self.noon_ms + self.shift_ms


NOON = StandingClock()
TODAY = day_of(NOON.now_ms())


def at(minute: int) -> StandingClock:
    return StandingClock(minute * MINUTE_MS)


def probed(upstream: Upstream, cap_nano: int = 10**9, **changes: Any) -> Channel:
    """The official channel with a priced model and permission to probe it."""
    channel = demo_channel(upstream.base_url, "openai-official")
    made = replace(channel, costs=Costs("USD", {MODEL: PRICES}), paid_probe=PaidProbe(MODEL, cap_nano))
    return replace(made, **changes)


def chats(upstream: Upstream) -> int:
    return sum(request.path.endswith(CHAT) for request in upstream.requests)


def operator_book(deployment: Deployment, day: str = TODAY, kind: WalletKind = OFFICIAL) -> list[Entry]:
    entries = list(deployment.ledger.book(OPERATOR, kind, day))
    assert all(isinstance(entry, Entry) for entry in entries)
    return [entry for entry in entries if isinstance(entry, Entry)]


def spent_nano(deployment: Deployment, day: str = TODAY) -> int:
    """What the day's counter says."""
    key = {"scope": {"S": "probe#official"}, "item": {"S": f"{day}#USD#openai-official"}}
    item = deployment.client.get_item(TableName=deployment.settings.tables.state, Key=key).get("Item")
    return int(item["spent"]["N"]) if item else 0


def worst_nano(deployment: Deployment, upstream: Upstream) -> int:
    """What one probe takes from the cap."""
    deployment.route(probed(upstream))
    deployment.look(at(-2 * DAY_MIN))
    return spent_nano(deployment, day_of(at(-2 * DAY_MIN).now_ms()))


def customers(deployment: Deployment) -> list[Any]:
    """Every wallet, every intent, and every entry of a customer's book."""
    tables = deployment.settings.tables
    scans = [
        deployment.client.scan(TableName=table)["Items"] for table in (tables.wallets, tables.requests, tables.journal)
    ]
    wallets, requests, journal = (sorted(items, key=str) for items in scans)
    return [wallets, requests, [item for item in journal if not item["book"]["S"].startswith(f"{OPERATOR}#")]]


def test_one_token_is_asked_for_after_the_free_call_and_booked_to_the_operator(
    deployment: Deployment, upstream: Upstream
) -> None:
    deployment.route(probed(upstream))
    before = customers(deployment)
    upstream.script(Behaviour(usage=USAGE))
    assert deployment.look(NOON).paid_probes == 1
    paths = [request.path for request in upstream.requests]
    assert paths.index("/v1/models") < paths.index("/v1/chat/completions")
    [sent] = [request for request in upstream.requests if request.path.endswith(CHAT)]
    assert sent.json["max_completion_tokens"] == 1 and sent.json["model"] == MODEL
    [entry] = operator_book(deployment)
    assert (entry.type, entry.account_id, entry.currency, entry.reference) == (EntryType.PROBE, OPERATOR, "USD", MODEL)
    assert {posting.book_account: posting.nano for posting in entry.postings} == {
        "provider_cost": COST_NANO,
        "provider:openai-official": -COST_NANO,
    }
    assert spent_nano(deployment) > COST_NANO, "the worst case was taken from the cap"
    assert customers(deployment) == before
    seen = deployment.health.read_health(OFFICIAL)["openai-official", MODEL].seen
    assert seen is not None and seen.source is Source.PROBE


def test_the_reconciliation_counts_the_operators_book(deployment: Deployment, upstream: Upstream) -> None:
    deployment.route(probed(upstream))
    upstream.script(Behaviour(usage=USAGE))
    now = ShiftedClock()
    deployment.look(now)
    done = deployment.scheduled(ShiftedClock((SWEEP_AFTER_S + 120) * 1000)).reconciliation.run()
    assert done.findings == []
    assert done.balances["USD"]["provider_cost"] == COST_NANO
    assert done.balances["USD"]["provider:openai-official"] == -COST_NANO
    assert all(sum(sums.values()) == 0 for sums in done.balances.values())


def test_an_operators_entry_that_was_changed_is_found_and_freezes_nobody(
    deployment: Deployment, upstream: Upstream
) -> None:
    deployment.route(probed(upstream))
    now = ShiftedClock()
    deployment.look(now)
    [entry] = operator_book(deployment, day_of(now.now_ms()))
    deployment.client.update_item(
        TableName=deployment.settings.tables.journal,
        Key={"book": {"S": f"{OPERATOR}#official#{day_of(now.now_ms())}"}, "entry_id": {"S": entry.entry_id}},
        UpdateExpression="SET postings.provider_cost = :one",
        ExpressionAttributeValues={":one": {"N": "1"}},
    )
    done = deployment.scheduled(ShiftedClock((SWEEP_AFTER_S + 120) * 1000)).reconciliation.run()
    assert [(finding.problem, finding.account_id) for finding in done.findings] == [("entry_unreadable", OPERATOR)]
    assert deployment.wallet().status == "active"


NEVER: list[tuple[str, Callable[[Channel], Channel]]] = [
    ("nobody allowed it", lambda channel: replace(channel, paid_probe=None)),
    ("no costs", lambda channel: replace(channel, costs=None)),
    ("no cost of this model", lambda channel: replace(channel, costs=Costs("USD", {"another": PRICES}))),
    ("a cost of zero", lambda channel: replace(channel, costs=Costs("USD", {MODEL: UnitPrices(0, 0, 0, 0)}))),
    ("a model that is not on the route", lambda channel: replace(channel, paid_probe=PaidProbe("another", 10**9))),
    ("a cap below one probe", lambda channel: replace(channel, paid_probe=PaidProbe(MODEL, 1))),
]


@pytest.mark.parametrize(("why", "change"), NEVER, ids=[case[0] for case in NEVER])
def test_nothing_is_paid_when(
    deployment: Deployment, upstream: Upstream, why: str, change: Callable[[Channel], Channel]
) -> None:
    deployment.route(change(probed(upstream)))
    deployment.look(NOON)
    assert chats(upstream) == 0 and spent_nano(deployment) == 0
    assert deployment.health.read_health(OFFICIAL)["openai-official", MODEL].state is HealthState.HEALTHY


def test_a_channel_that_cannot_be_reached_costs_nothing(deployment: Deployment, upstream: Upstream) -> None:
    deployment.route(probed(upstream))
    upstream.script(*[error(500)] * 3, path="/models")
    deployment.look(NOON)
    assert chats(upstream) == 0 and spent_nano(deployment) == 0 and operator_book(deployment) == []


def test_a_paid_probe_sees_what_the_free_one_does_not(deployment: Deployment, upstream: Upstream) -> None:
    deployment.route(probed(upstream))
    upstream.script(error(500), error(500))
    deployment.look(NOON)
    deployment.look(at(1))
    known = deployment.health.read_health(OFFICIAL)
    assert known["openai-official", MODEL].state is HealthState.DOWN
    assert known["openai-official", "gpt-4o"].state is HealthState.HEALTHY
    assert operator_book(deployment) == [], "an answer that did not come costs nothing"
    assert spent_nano(deployment) > 0, "but it may have: the cap counts it"


@pytest.mark.parametrize("usage", [MISSING, None, {"prompt_tokens": -1, "completion_tokens": 1}])
def test_without_a_usable_report_the_worst_case_is_booked(
    deployment: Deployment, upstream: Upstream, usage: Any
) -> None:
    deployment.route(probed(upstream))
    upstream.script(Behaviour(usage=usage))
    deployment.look(NOON)
    [entry] = operator_book(deployment)
    assert sum(posting.nano for posting in entry.postings if posting.nano > 0) == spent_nano(deployment)


def test_a_provider_that_charges_more_than_the_worst_case_uses_up_the_cap_sooner(
    deployment: Deployment, upstream: Upstream
) -> None:
    worst = worst_nano(deployment, upstream)
    deployment.route(probed(upstream, 10 * worst))
    upstream.script(Behaviour(usage={**USAGE, "completion_tokens": 100_000}))
    deployment.look(NOON)
    [entry] = operator_book(deployment)
    booked = sum(posting.nano for posting in entry.postings if posting.nano > 0)
    assert booked == spent_nano(deployment) > 10 * worst
    assert deployment.look(at(1)).paid_probes == 0


def test_the_cap_ends_the_days_paid_probes_and_the_next_day_begins_anew(
    deployment: Deployment, upstream: Upstream
) -> None:
    worst = worst_nano(deployment, upstream)
    deployment.route(probed(upstream, 3 * worst + worst // 2))
    sent = chats(upstream)
    for minute in range(6):
        deployment.look(at(minute))
    assert chats(upstream) - sent == 3
    assert spent_nano(deployment) == 3 * worst
    deployment.look(at(DAY_MIN))
    assert chats(upstream) - sent == 4


def test_many_at_once_never_take_more_than_the_cap(deployment: Deployment) -> None:
    cost, cap_nano = Money(7, "USD"), 100
    with ThreadPoolExecutor(16) as threads:
        taken = list(
            threads.map(lambda _: deployment.health.take(OFFICIAL, "openai-official", TODAY, cost, cap_nano), range(64))
        )
    assert sum(taken) == 14 and spent_nano(deployment) == 98


class Killed(BaseException):
    """The process ends here."""


class DiesWhilePaying(HttpUpstream):
    """The process dies at the paid probe: before it is sent, or when its answer is there."""

    def __init__(self, *, sent: bool) -> None:
        super().__init__()
        self._sent = sent

    async def send(self, call: UpstreamCall) -> Any:
        if call.body is None:
            return await super().send(call)
        if self._sent:
            answer: UpstreamAnswer = await super().send(call)
            await answer.close()
        raise Killed


async def look_and_die(deployment: Deployment, clock: StandingClock, *, sent: bool) -> None:
    dying = DiesWhilePaying(sent=sent)
    tables, client = deployment.settings.tables, deployment.client
    check = compose_health_check(tables, client, KnownCredentials(), dying, clock, loopback_allowed=True)
    try:
        await check.run()
    finally:
        await dying.close()


@pytest.mark.parametrize("sent", [False, True])
def test_the_cap_holds_whatever_dies(deployment: Deployment, upstream: Upstream, *, sent: bool) -> None:
    worst = worst_nano(deployment, upstream)
    deployment.route(probed(upstream, 3 * worst))
    before = chats(upstream)
    for minute in range(3):
        with pytest.RaisesGroup(Killed):
            asyncio.run(look_and_die(deployment, at(minute), sent=sent))
    assert chats(upstream) - before == (3 if sent else 0)
    assert spent_nano(deployment) == 3 * worst
    assert deployment.look(at(10)).paid_probes == 0


@pytest.mark.parametrize("hours", [1, pytest.param(24, marks=pytest.mark.proof)])
def test_a_day_of_looking_costs_no_customer_anything_and_the_operator_no_more_than_the_cap(
    deployment: Deployment, upstream: Upstream, hours: int
) -> None:
    """Simulated hours of ticks, half of them before midnight: every idle channel is probed every minute."""
    worst = worst_nano(deployment, upstream)
    cap_nano = 20 * worst
    deployment.route(probed(upstream, cap_nano))
    sent, before, total = chats(upstream), customers(deployment), 0
    for minute in range(DAY_MIN // 2 - hours * 30, DAY_MIN // 2 + hours * 30):
        report = deployment.look(at(minute))
        assert len(report.checked) == 2
        total += report.probes
    assert total == 5 * hours * 60, "every channel, every minute"
    assert customers(deployment) == before, "not one entry, hold or intent of a customer"
    days = [TODAY, day_of(at(DAY_MIN).now_ms())]
    assert [spent_nano(deployment, day) for day in days] == [cap_nano, cap_nano]
    for day in days:
        booked = [posting.nano for entry in operator_book(deployment, day) for posting in entry.postings]
        assert 0 < sum(nano for nano in booked if nano > 0) <= cap_nano and sum(booked) == 0
        assert operator_book(deployment, day, ROUTED) == []
    assert chats(upstream) - sent == 40
