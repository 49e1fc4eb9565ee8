"""What a request costs on a wallet with a thousand journal entries, and on one with a million: the same, on a real engine.

    python -m bench.ledger_size [ENTRIES]

The engine is AWS's DynamoDB Local (`make engine` fetches it). Both wallets are in it, in tables of their own, and are asked in
turns. Writing a million entries takes a few minutes. Exits non-zero when a hold with its settlement takes a quarter longer on the
large one.
"""

from __future__ import annotations

import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from bench.figures import Figures
from tests.support.dynamodb_local import dynamodb_local_engine, dynamodb_local_server
from tests.support.engines import Engine
from tests.unit.settlement_bench import ACCOUNT, intent, outcome
from tokens_forge.clock import SystemClock
from tokens_forge.ids import new_id
from tokens_forge.journal import EntryType, entry_id_of
from tokens_forge.money import Money
from tokens_forge.pricing import Usage
from tokens_forge.settlement import Balances, Books, Settlement
from tokens_forge.store.codec import entry_item
from tokens_forge.store.dynamodb import DynamoLedgerStore
from tokens_forge.store.tables import Tables
from tokens_forge.wallets import Wallet, WalletKind

FEW, MANY = 1_000, 1_000_000
REQUESTS = 300
RATIO_MAX = 1.25
BATCH, WRITERS = 25, 8  # DynamoDB takes 25 items in one batch
DAYS = 365
KIND = WalletKind.OFFICIAL


class Ledger:
    """A wallet with so many entries of requests in its journal, spread over a year."""

    def __init__(self, engine: Engine, entries: int) -> None:
        self._client, self._clock = engine.client(), SystemClock()
        self._tables = Tables.from_environment(engine.environment()).ledger
        store = DynamoLedgerStore(self._client, self._tables)
        books = Books(store, self._clock)
        self._settlement = Settlement(books)
        assert store.open_wallet(Wallet(ACCOUNT, KIND, "USD"))
        order_id = new_id("ord", self._clock.now_ms())
        Balances(books).top_up(ACCOUNT, KIND, Money.parse("1000000", "USD"), order_id=order_id, source="bench")
        self.request_ms()
        self._fill(entries)

    def request_ms(self) -> float:
        """Milliseconds of one hold with its settlement."""
        asked = intent(10**9, request_id=new_id("req", self._clock.now_ms()))
        answered = outcome(Usage(input=12, output=30))
        began_s = time.perf_counter()
        self._entry = self._settlement.settle(self._settlement.hold(asked, 0), answered)
        return (time.perf_counter() - began_s) * 1000

    def _fill(self, entries: int) -> None:
        """Copies of a real entry, as long ago as they would be."""
        now_ms = self._clock.now_ms()

        def write(first: int) -> None:
            items = []
            for number in range(first, min(first + BATCH, entries)):
                at_ms = now_ms - (number % DAYS) * 86_400_000
                entry_id = entry_id_of(new_id("req", at_ms), EntryType.REQUEST)
                items.append({"PutRequest": {"Item": entry_item(replace(self._entry, entry_id=entry_id))}})
            while items:
                answer: Any = self._client.batch_write_item(RequestItems={self._tables.journal: items})
                items = answer["UnprocessedItems"].get(self._tables.journal, [])

        with ThreadPoolExecutor(WRITERS) as pool:
            for _ in pool.map(write, range(0, entries, BATCH)):
                pass


def main() -> int:
    """0 when the target is met."""
    many = int(sys.argv[1]) if len(sys.argv) > 1 else MANY
    figures = Figures("ledger size")
    with (
        dynamodb_local_server() as url,
        dynamodb_local_engine(url) as small_tables,
        dynamodb_local_engine(url) as large_tables,
    ):
        began_s = time.monotonic()
        small, large = Ledger(small_tables, FEW), Ledger(large_tables, many)
        print(f"ledger size: {FEW} and {many} entries written in {time.monotonic() - began_s:.0f} s", flush=True)
        for ledger in (small, large):
            for _ in range(20):
                ledger.request_ms()
        pairs = [(small.request_ms(), large.request_ms()) for _ in range(REQUESTS)]
        figures.say(f"hold and settle with {FEW} entries, median", statistics.median(one for one, _ in pairs), "ms")
        figures.say(
            f"hold and settle with {many} entries, median", statistics.median(other for _, other in pairs), "ms"
        )
        ratio = statistics.median(other for _, other in pairs) / statistics.median(one for one, _ in pairs)
        figures.say("the large ledger to the small one", ratio, "times", RATIO_MAX)
    return figures.end()


if __name__ == "__main__":
    sys.exit(main())
