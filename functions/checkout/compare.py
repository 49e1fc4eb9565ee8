"""Every day: the provider's payments and our orders, compared both ways."""

from __future__ import annotations

import logging
from dataclasses import asdict
from typing import Any

from functions.checkout.main import work
from tokens_forge.observability import install
from tokens_forge.observability.metrics import Metrics

TIME_KEPT_BACK_MS = 60_000  # enough to finish one order and write the result

install("comparison")
log = logging.getLogger("tokens_forge.scheduled")


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Compare once, keep the result, and raise the alarm metric for what was found."""
    done = work.comparison.run(work.provider, lambda: context.get_remaining_time_in_millis() > TIME_KEPT_BACK_MS)
    work.state.write_comparison(done)
    for finding in done.findings:
        log.error("payments and orders do not fit", extra=asdict(finding))
    for order_id in done.found_late:
        log.warning("a webhook never came; the order is credited now", extra={"order_id": order_id})
    metrics = Metrics()
    metrics.add("comparison_findings", len(done.findings))
    metrics.add("comparison_found_late", len(done.found_late))
    answer = {
        "payments": done.payments,
        "orders": done.orders,
        "found_late": len(done.found_late),
        "findings": len(done.findings),
    }
    log.info("compared", extra={**answer, "metrics": metrics})
    return answer
