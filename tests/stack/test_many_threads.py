"""Sixteen threads on one wallet, on engines that really serve them at once: every figure is exact afterwards."""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from tests.stack.test_sweeper import intent
from tests.support.deployment import Deployment, deploy
from tests.support.engines import Engine
from tokens_forge.clock import SystemClock
from tokens_forge.intents import Outcome
from tokens_forge.journal import Entry, SettlementReason, UsageSource
from tokens_forge.money import Money
from tokens_forge.pricing import Usage, price_usage
from tokens_forge.settlement import Books, HoldRefused, Settlement
from tokens_forge.wallets import HoldRefusal, WalletKind

THREADS = 16
HOLD_NANO = 2_000_000


def one_thread(deployment: Deployment, seed: int, requests: int) -> list[tuple[int, bool]]:
    """(charged nano, was refused) of each request."""
    return list(_requests(deployment, seed, requests))


def _requests(deployment: Deployment, seed: int, requests: int) -> Iterator[tuple[int, bool]]:
    settlement, chance = Settlement(Books(deployment.ledger, SystemClock())), random.Random(seed)
    for _ in range(requests):
        made = replace(intent(deployment), hold_nano=HOLD_NANO)
        try:
            held = settlement.hold(made, 0)
        except HoldRefused as refused:
            # DynamoDB Local does not say how the wallet stood when a single update fails.
            if refused.refusal not in (HoldRefusal.INSUFFICIENT, HoldRefusal.NO_WALLET):
                raise
            yield 0, True
            continue
        usage = Usage(input=chance.randrange(3_000), output=chance.randrange(1, 3_000))
        if chance.random() < 0.1:
            settlement.void(held, SettlementReason.UPSTREAM_FAILED, ())
            yield 0, False
        else:
            entry = settlement.settle(held, Outcome(SettlementReason.COMPLETED, usage, UsageSource.PROVIDER, ()))
            assert -entry.wallet_nano == min(price_usage(usage, made.price), HOLD_NANO)
            yield -entry.wallet_nano, False


@pytest.mark.parametrize("requests", [10, pytest.param(200, marks=pytest.mark.proof)])
def test_sixteen_threads_on_one_wallet(concurrent_engine: Engine, requests: int) -> None:
    deployment = deploy(concurrent_engine, "http://127.0.0.1:9/v1")
    funds_nano = THREADS * HOLD_NANO // 2 + requests * THREADS * HOLD_NANO // 4
    deployment.fund(WalletKind.OFFICIAL, str(Money(funds_nano, "USD")))
    with ThreadPoolExecutor(THREADS) as pool:
        jobs = [pool.submit(one_thread, deployment, seed, requests) for seed in range(THREADS)]
        results = [result for job in jobs for result in job.result()]
    charged = [nano for nano, refused in results if not refused]
    wallet = deployment.wallet()
    assert len(results) == THREADS * requests
    assert (wallet.available_nano, wallet.held_nano, wallet.holds) == (funds_nano - sum(charged), 0, {})
    assert (wallet.credits_total_nano, wallet.debits_total_nano) == (funds_nano, sum(charged))
    day = [entry for entry in journal(deployment) if entry.request is not None]
    assert sorted(-entry.wallet_nano for entry in day) == sorted(charged), "one entry for each hold that stood"


def journal(deployment: Deployment) -> list[Entry]:
    """Every entry of the official wallet."""
    statements = deployment.services.statements
    entries: list[Entry] = []
    cursor: str | None = None
    while True:
        page = statements.page(deployment.account.account_id, WalletKind.OFFICIAL, cursor=cursor, limit=200)
        assert page is not None
        entries += [line.entry for line in page.lines]
        cursor = page.next_cursor
        if cursor is None:
            return entries
