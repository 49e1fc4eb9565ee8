"""Every hour: the books prove themselves."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from functions.health.compose import from_environment

logger = Logger(service="reconciliation")
metrics = Metrics(service="reconciliation")
work = from_environment()


@metrics.log_metrics
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Run the reconciliation once, keep its result, and raise the alarm metric for what it found."""
    done = work.reconciliation.run()
    work.state.write_reconciliation(done)
    for finding in done.findings:
        logger.error("the books do not fit", extra=asdict(finding))
    metrics.add_metric("reconciliation_mismatches", MetricUnit.Count, len(done.findings))
    metrics.add_metric("reconciliation_wallets", MetricUnit.Count, done.wallets)
    answer = {
        "wallets": done.wallets,
        "entries": done.entries,
        "intents": done.intents,
        "busy": done.busy,
        "findings": len(done.findings),
    }
    logger.info("reconciled", extra=answer)
    return answer
