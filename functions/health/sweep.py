"""Every minute: end what nobody else will end."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from functions.health.compose import from_environment, time_is_left
from tokens_forge.settlement import Closing

logger = Logger(service="sweeper")
metrics = Metrics(service="sweeper")
work = from_environment()


@metrics.log_metrics
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Run the sweeper once. Returns what it did."""
    report = work.sweeper.run(time_is_left(context))
    closings = {closing.value: report.closings[closing] for closing in Closing}
    for name, count in closings.items():
        metrics.add_metric(f"sweeper_{name}", MetricUnit.Count, count)
    metrics.add_metric("sweeper_lag_s", MetricUnit.Seconds, report.lag_ms / 1000)
    answer = {"minutes": report.minutes, "intents": report.intents, "lag_ms": report.lag_ms, **closings}
    logger.info("swept", extra=answer)
    return answer
