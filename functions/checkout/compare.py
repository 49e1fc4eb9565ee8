"""Every day: the provider's payments and our orders, compared both ways."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from functions.checkout.main import work

TIME_KEPT_BACK_MS = 60_000  # enough to finish one order and write the result

logger = Logger(service="comparison")
metrics = Metrics(namespace="TokensForge", service="comparison")


@metrics.log_metrics
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Compare once, keep the result, and raise the alarm metric for what was found."""
    done = work.comparison.run(work.provider, lambda: context.get_remaining_time_in_millis() > TIME_KEPT_BACK_MS)
    work.state.write_comparison(done)
    for finding in done.findings:
        logger.error("payments and orders do not fit", extra=asdict(finding))
    for order_id in done.found_late:
        logger.warning("a webhook never came; the order is credited now", extra={"order_id": order_id})
    metrics.add_metric("comparison_findings", MetricUnit.Count, len(done.findings))
    metrics.add_metric("comparison_found_late", MetricUnit.Count, len(done.found_late))
    answer = {
        "payments": done.payments,
        "orders": done.orders,
        "found_late": len(done.found_late),
        "findings": len(done.findings),
    }
    logger.info("compared", extra=answer)
    return answer
