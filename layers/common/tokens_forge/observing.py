"""What real traffic says about the channels: read from the records that every request leaves anyway, so it costs the
requests nothing.

The intent records of the last minutes name the requests; their journal entries hold every attempt with its outcome.

One request is one sample of each channel that it called: its last attempt there, because the members of a pool stand in for each
other. What counts as a failure:

- an attempt that got no answer: `http_503`, `timeout`, `refused`, also what is our own fault on that channel (`no_credential`)
- the last attempt of a request that the channel broke off half way, or that was not complete at its deadline
- not: `rejected_…` (the request itself was wrong), and attempts that were never sent (`circuit_open`, `pool_full`, …). They are
  no samples at all
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from itertools import groupby

from tokens_forge.clock import Clock
from tokens_forge.health import WINDOW_MS, ChannelModel, Sample
from tokens_forge.ids import minute_of, time_ms_of
from tokens_forge.intents import Intent
from tokens_forge.journal import Attempt, Entry, EntryType, SettlementReason, entry_id_of
from tokens_forge.routing import BROKE
from tokens_forge.store.port import EntryName, IntentRecord, LedgerStore, Unreadable
from tokens_forge.wallets import WalletKind

MINUTE_MS = 60_000
SAMPLED_PER_MINUTE = 50  # requests of one wallet for one model
INTENTS_ENOUGH = 2_000  # a deployment this busy is judged by its newest minutes: older ones are not read

_NEVER_SENT = frozenset({"circuit_open", "pool_full", "pool_unknown", "no_wire"})

Traffic = dict[WalletKind, dict[ChannelModel, list[Sample]]]


def read_traffic(store: LedgerStore, clock: Clock) -> Traffic:
    """The samples of the window for every channel and model, in the order of time. Blocks. Raises StoreFault."""
    now_ms = clock.now_ms()
    chosen: list[IntentRecord] = []
    read = 0
    for minute_ms in range(now_ms, now_ms - WINDOW_MS - MINUTE_MS, -MINUTE_MS):
        records = store.minute_intents(minute_of(minute_ms))
        chosen += sampled(records)
        read += len(records)
        if read >= INTENTS_ENOUGH:
            break
    entries = {found.entry_id: found for found in store.read_entries([_name(record.intent) for record in chosen])}
    traffic: Traffic = {kind: {} for kind in WalletKind}
    for record in chosen:
        intent = record.intent
        for channel_id, sample in _samples(record, entries.get(_name(intent).entry_id)):
            if sample.at_ms > now_ms - WINDOW_MS:
                traffic[intent.kind].setdefault((channel_id, intent.model), []).append(sample)
    for by_subject in traffic.values():
        for samples in by_subject.values():
            samples.sort(key=lambda sample: sample.at_ms)
    return traffic


def sampled(records: Iterable[IntentRecord]) -> list[IntentRecord]:
    """At most a fixed number of one minute's requests for each wallet and model; the same ones whenever it is asked again.

    Chosen by a hash of the id: whether a request is among them depends on nothing else about it, such as when it came.
    """

    def subject(record: IntentRecord) -> tuple[str, str]:
        return record.intent.kind.value, record.intent.model

    def lot(record: IntentRecord) -> bytes:
        return hashlib.sha256(record.intent.request_id.encode()).digest()

    grouped = groupby(sorted(records, key=subject), subject)
    return [record for _, group in grouped for record in sorted(group, key=lot)[:SAMPLED_PER_MINUTE]]


def _name(intent: Intent) -> EntryName:
    return EntryName(intent.account_id, intent.kind, entry_id_of(intent.request_id, EntryType.REQUEST))


def _samples(record: IntentRecord, entry: Entry | Unreadable | None) -> Iterator[tuple[str, Sample]]:
    """What a request says about each channel that it called. One that still runs says nothing yet."""
    if isinstance(entry, Entry) and entry.request is not None:
        yield from _judged(entry.request.attempts, entry.request.reason, entry.written_at_ms)
    elif record.outcome is not None:
        yield from _judged(record.outcome.attempts, record.outcome.reason, time_ms_of(record.intent.request_id))


def _judged(attempts: tuple[Attempt, ...], reason: SettlementReason, at_ms: int) -> Iterator[tuple[str, Sample]]:
    last_on = {attempt.channel_id: attempt for attempt in attempts}
    for channel_id, attempt in last_on.items():
        outcome = attempt.outcome
        if outcome in _NEVER_SENT or outcome.startswith("rejected_"):
            continue
        if reason in BROKE and attempt is attempts[-1]:
            outcome = reason.value
        yield channel_id, Sample(at_ms, outcome, attempt.duration_ms)
