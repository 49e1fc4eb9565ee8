"""What observing one request costs the gateway: every call of the observer, the line, its JSON and its metrics.

The line goes to /dev/null through the real handler. CPU time, not wall time, so that a busy machine does not count.
"""

from __future__ import annotations

import logging
import os
import sys
import time

from tokens_forge.intents import Held, Intent, Outcome
from tokens_forge.journal import (
    Attempt,
    Entry,
    EntryType,
    Posting,
    RequestFacts,
    SettlementReason,
    UsageSource,
    entry_id_of,
)
from tokens_forge.money import Money
from tokens_forge.observability import RequestObserver, RequestRecord, install, request_line
from tokens_forge.observability.request_record import recording
from tokens_forge.observer import Ended, Step
from tokens_forge.pricing import Price, UnitPrices, Usage
from tokens_forge.wallets import WalletKind

REQUESTS = 20_000
CPU_US_MAX = 200
REQUEST_ID = "req_01k3q3v3m0abcdefghjkmnpqrs"


def main() -> int:
    """0 when a request costs no more than it may."""
    install("bench")
    [handler] = logging.root.handlers
    assert isinstance(handler, logging.StreamHandler)
    observer, ended = RequestObserver(), _ended()
    with open(os.devnull, "w") as nowhere:
        handler.setStream(nowhere)
        began_s = time.process_time()
        for _ in range(REQUESTS):
            _one(observer, ended)
        cpu_us = (time.process_time() - began_s) / REQUESTS * 1e6
    print(f"observing a request: {cpu_us:.0f} µs of CPU ({REQUESTS} requests; at most {CPU_US_MAX})")
    return int(cpu_us > CPU_US_MAX)


def _one(observer: RequestObserver, ended: Ended) -> None:
    record = RequestRecord("rid_01k3q3v3m0abcdefghjkmnpqrs", "POST", path="/v1/chat/completions")
    with recording(record):
        record.account_id, record.key_id, record.wallet = "acc_0123456789ab", "key_0123456789abcdefghjk", "official"
        record.model, record.endpoint, record.stream = "gpt-4o-mini", "chat.completions", True
        with observer.timing(Step.HOLD):
            pass
        with observer.timing(Step.SETTLE):
            pass
        record.status, record.first_byte_s = 200, time.perf_counter()
        observer.ended(ended)
        request_line.write(record)


def _ended() -> Ended:
    prices = UnitPrices(input=150_000_000, cached_input=75_000_000, cache_write=150_000_000, output=600_000_000)
    price = Price("2026-11-24", "USD", prices)
    usage, attempts = Usage(input=12, output=30), (Attempt("openai-official", "ok", 412, Money(19_800, "USD")),)
    kind, account, model = WalletKind.OFFICIAL, "acc_0123456789ab", "gpt-4o-mini"
    intent = Intent(
        REQUEST_ID, account, kind, "key_0", key_has_spend_limit=False, model=model, endpoint="chat.completions",
        primary_channel_id="openai-official", price=price, hold_nano=10**6,
    )  # fmt: skip
    facts = RequestFacts(
        key_id="key_0", model=model, endpoint="chat.completions", attempts=attempts, backup_used=False,
        price_version="2026-11-24", price_basis="official", unit_prices=prices, multiplier_ppm=10**6, usage=usage,
        usage_source=UsageSource.PROVIDER, reason=SettlementReason.COMPLETED, hold_nano=10**6, charge_nano=19_800,
    )  # fmt: skip
    postings = (Posting("wallet", -19_800), Posting("revenue", 19_800))
    entry = Entry(entry_id_of(REQUEST_ID, EntryType.REQUEST), account, kind, "USD", 0, postings, request=facts)
    return Ended(Held(intent, 10**6), Outcome(facts.reason, usage, facts.usage_source, attempts), entry)


if __name__ == "__main__":
    sys.exit(main())
