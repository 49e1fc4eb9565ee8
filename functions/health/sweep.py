"""Every minute: end what nobody else will end."""

from __future__ import annotations

import logging
from typing import Any

from functions.health.compose import from_environment, time_is_left
from tokens_forge.observability import install
from tokens_forge.observability.metrics import Metrics, Unit
from tokens_forge.settlement import Closing

install("sweeper")
log = logging.getLogger("tokens_forge.scheduled")
work = from_environment()


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Run the sweeper once. Returns what it did."""
    report = work.sweeper.run(time_is_left(context))
    closings = {closing.value: report.closings[closing] for closing in Closing}
    metrics = Metrics()
    for name, count in closings.items():
        metrics.add(f"sweeper_{name}", count)
    metrics.add("sweeper_lag_s", report.lag_ms / 1000, Unit.SECONDS)
    answer = {"minutes": report.minutes, "intents": report.intents, "lag_ms": report.lag_ms, **closings}
    log.info("swept", extra={**answer, "metrics": metrics})
    return answer
