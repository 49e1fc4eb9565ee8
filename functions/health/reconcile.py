"""Every hour: the books prove themselves."""

from __future__ import annotations

import logging
from dataclasses import asdict
from typing import Any

from functions.health.compose import from_environment
from tokens_forge.observability import install
from tokens_forge.observability.metrics import Metrics

install("reconciliation")
log = logging.getLogger("tokens_forge.scheduled")
work = from_environment()


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Run the reconciliation once, keep its result, and raise the alarm metric for what it found."""
    done = work.reconciliation.run()
    work.state.write_reconciliation(done)
    for finding in done.findings:
        log.error("the books do not fit", extra=asdict(finding))
    metrics = Metrics()
    metrics.add("reconciliation_mismatches", len(done.findings))
    metrics.add("reconciliation_wallets", done.wallets)
    answer = {
        "wallets": done.wallets,
        "entries": done.entries,
        "intents": done.intents,
        "busy": done.busy,
        "findings": len(done.findings),
    }
    log.info("reconciled", extra={**answer, "metrics": metrics})
    return answer
