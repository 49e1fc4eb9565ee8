"""The one line of a request: who asked, what it cost, how long it took, and the metrics of it.

Every member is chosen here. Nothing that a client wrote is among them but the name of a model that the key may call.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from typing import Any

from tokens_forge.money import decimal
from tokens_forge.observability.metrics import Metrics, Unit
from tokens_forge.observability.request_record import RequestRecord
from tokens_forge.observer import Ended, Step

NANO = 1_000_000_000

log = logging.getLogger("tokens_forge.request")


def write(record: RequestRecord) -> None:
    """Write the line, once: what happens to the request later has a line of its own."""
    if record.is_written or not log.isEnabledFor(logging.INFO):
        return
    record.is_written = True
    metrics = Metrics(record.ended.held.intent.kind.value if record.ended is not None else record.wallet)
    metrics.add("requests", 1)
    if record.error is not None:
        metrics.add(f"errors_{record.error.error_class.value}", 1)
    line = {**_asked(record), **_answered(record)}
    if record.ended is not None:
        line |= _ended(record.ended, metrics)
        _times(record, record.ended, metrics)
    log.info("request", extra={**line, "metrics": metrics})


def write_end(ended: Ended) -> None:
    """The end of a request that no HTTP request waits for: a step of a research run, or a stream whose line was written before."""
    if log.isEnabledFor(logging.INFO):
        intent = ended.held.intent
        metrics = Metrics(intent.kind.value)
        asked = {
            "account_id": intent.account_id,
            "key_id": intent.key_id,
            "model": intent.model,
            "endpoint": intent.endpoint,
        }
        log.info("request ended", extra={**asked, **_ended(ended, metrics), "metrics": metrics})


def _asked(record: RequestRecord) -> dict[str, Any]:
    known = {
        "gateway_request_id": record.gateway_request_id,
        "method": record.method,
        "path": record.path,
        "model": record.model,
        "endpoint": record.endpoint,
        "stream": record.stream if record.endpoint else None,
    }
    return {name: value for name, value in known.items() if value is not None}


def _answered(record: RequestRecord) -> dict[str, Any]:
    answered: dict[str, Any] = {
        "status": record.status,
        "duration_ms": _ms(time.perf_counter() - record.began_s),
    }
    if record.error is not None:
        # Its kind, not its words or its code: those of a refusal are the provider's, who may quote the prompt.
        answered |= {"error_class": record.error.error_class.value, "error": type(record.error).__name__}
    return answered


def _ended(ended: Ended, metrics: Metrics) -> dict[str, Any]:
    """How it was settled. An entry that is not written yet is known by its outcome only, without a charge."""
    outcome, entry = ended.outcome, ended.entry
    facts = entry.request if entry is not None else None
    usage = facts.usage if facts is not None else outcome.usage
    attempts = facts.attempts if facts is not None else outcome.attempts
    line: dict[str, Any] = {
        "receipt_id": ended.held.intent.request_id,
        "reason": (facts.reason if facts is not None else outcome.reason).value,
        "route": attempts[-1].channel_id if attempts else None,
        "attempts": [f"{each.channel_id}:{each.outcome}:{each.duration_ms}" for each in attempts],
    }
    metrics.add_of_wallet("settled", 1)
    metrics.add_of_wallet("tokens_input", usage.input_side)
    metrics.add_of_wallet("tokens_output", usage.output)
    metrics.add_of_wallet("upstream_ms", sum(each.duration_ms for each in attempts), Unit.MILLISECONDS)
    costs: Counter[str] = Counter()
    for each in attempts:
        if each.cost is not None:
            costs[each.cost.currency] += each.cost.nano
    for currency, nano in costs.items():
        metrics.add_of_wallet(f"provider_cost_{currency}", nano / NANO, Unit.NONE)
    if ended.hold_lost:
        metrics.add("holds_lost", 1)
    if entry is None or facts is None:
        metrics.add("settlements_pending", 1)
        return line
    metrics.add_of_wallet(f"revenue_{entry.currency}", facts.charge_nano / NANO, Unit.NONE)
    if facts.uncharged_nano:
        metrics.add("uncharged_requests", 1)
        metrics.add_of_wallet(f"uncharged_{entry.currency}", facts.uncharged_nano / NANO, Unit.NONE)
    return line | {
        "charge": decimal(facts.charge_nano),
        "currency": entry.currency,
        "usage_source": facts.usage_source.value,
        "backup_used": facts.backup_used,
    }


def _times(record: RequestRecord, ended: Ended, metrics: Metrics) -> None:
    """To a tenth of a millisecond. What is not the provider's time is ours: `own_ms`, the hold and the settlement included."""
    for step in Step:
        if step in record.took_s:
            metrics.add_of_wallet(f"{step.value}_ms", _ms(record.took_s[step]), Unit.MILLISECONDS)
    if record.first_byte_s is not None and record.error is None:
        answered_s = record.first_byte_s - record.began_s
        upstream_s = sum(each.duration_ms for each in ended.outcome.attempts) / 1000
        metrics.add_of_wallet(
            "first_byte_ms" if record.stream else "whole_answer_ms", _ms(answered_s), Unit.MILLISECONDS
        )
        metrics.add_of_wallet("own_ms", _ms(max(answered_s - upstream_s, 0)), Unit.MILLISECONDS)


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)
