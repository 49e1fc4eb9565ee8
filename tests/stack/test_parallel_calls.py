"""Many calls at once against one wallet, on engines that really serve them at once."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from typing import Any

from tests.support.behaviour import Behaviour
from tests.support.deployment import deploy
from tests.support.engines import Engine
from tests.support.http import Api, chat_body
from tests.support.server import serve
from tests.support.upstream import Upstream
from tokens_forge.money import Money, decimal
from tokens_forge.receipts import recompute
from tokens_forge.wallets import WalletKind

CALLS, PAYABLE = 50, 10


def test_fifty_parallel_calls_of_which_ten_can_be_paid(concurrent_engine: Engine) -> None:
    gate = threading.Event()
    with Upstream(default=Behaviour(gate=gate)) as upstream:
        deployment = deploy(concurrent_engine, upstream.base_url)
        deployment.fund(WalletKind.ROUTED, "1000")
        with serve(deployment.app, lifespan="on", stop_within_s=30) as url:
            api = Api(url + "/v1", deployment.key())
            needed = api.post("/quotes", chat_body(max_tokens=500)).json()["max_charge"]
            deployment.fund(WalletKind.OFFICIAL, decimal(PAYABLE * Money.parse(needed, "USD").nano))
            lowest, stop = [10**18], threading.Event()

            def watch() -> None:
                while not stop.is_set():
                    lowest[0] = min(lowest[0], deployment.wallet().available_nano)

            watcher = threading.Thread(target=watch)
            watcher.start()
            with ThreadPoolExecutor(CALLS) as callers:
                calls = [callers.submit(api.chat, max_tokens=500) for _ in range(CALLS)]
                upstream.wait_for(PAYABLE, within_s=30)
                refused = _first_done(calls, CALLS - PAYABLE)
                assert deployment.wallet().available_nano == 0
                gate.set()
                answers = [call.result() for call in calls]
            stop.set()
            watcher.join()

            paid = [answer for answer in answers if answer.status_code == 200]
            assert len(paid) == PAYABLE and len(refused) == CALLS - PAYABLE
            for answer in refused:
                assert answer.status_code == 402
                error = answer.json()["error"]
                assert error["code"] == "insufficient_quota"
                assert (error["forge"]["class"], error["forge"]["wallet"]) == ("balance", "official")
                assert (error["forge"]["needed"], error["forge"]["available"]) == (needed, "0.00")
            assert len(upstream.requests) == PAYABLE
            assert lowest[0] == 0

            wallet = deployment.wallet()
            receipts = api.get("/receipts", limit=100).json()["data"]
            assert len(receipts) == PAYABLE
            assert all(recompute(receipt) == receipt["charge"] for receipt in receipts)
            spent = sum(Money.parse(receipt["charge"], "USD").nano for receipt in receipts)
            assert wallet.holds == {} and wallet.held_nano == 0
            assert wallet.available_nano == PAYABLE * Money.parse(needed, "USD").nano - spent
            assert deployment.wallet(WalletKind.ROUTED).available_nano == Money.parse("1000", "CNY").nano
            statement = api.get("/ledger", limit=100).json()
            assert (
                statement["data"][0]["balance_after"] == statement["wallet"]["balance"] == decimal(wallet.balance_nano)
            )
            assert statement["data"][-1]["balance_after"] == statement["data"][-1]["amount"]


def _first_done(calls: list[Future[Any]], count: int) -> list[Any]:
    """The answers of the first `count` calls that end. The others are still waiting at the provider's gate."""
    ended = as_completed(calls, timeout=30)
    return [next(ended).result() for _ in range(count)]
