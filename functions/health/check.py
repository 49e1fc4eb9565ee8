"""Every minute: how the channels are, from traffic first, by a probe where there is none."""

from __future__ import annotations

import asyncio
import logging
import os
from typing import Any

import boto3

from functions.health.compose import compose_health_check
from tokens_forge.clock import SystemClock
from tokens_forge.credentials import SecretsManagerCredentials
from tokens_forge.health_check import HealthReport
from tokens_forge.observability import install
from tokens_forge.observability.metrics import Metrics
from tokens_forge.providers.http import HttpUpstream
from tokens_forge.store.client import dynamodb_client
from tokens_forge.store.tables import Tables

install("health")
log = logging.getLogger("tokens_forge.scheduled")
clock = SystemClock()
tables = Tables.from_environment()
dynamodb = dynamodb_client(read_timeout_s=10)
credentials = SecretsManagerCredentials(boto3.client("secretsmanager"), clock)
is_local = os.environ["FORGE_STAGE"] == "local"


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Run the health check once. Returns what it did."""
    report = asyncio.run(_run(HttpUpstream()))
    metrics = Metrics()
    metrics.add("health_wallets_checked", len(report.checked))
    metrics.add("health_changes", report.changes)
    answer = {
        "checked": [kind.value for kind in report.checked],
        "looks": report.looks,
        "probes": report.probes,
        "paid_probes": report.paid_probes,
        "changes": report.changes,
    }
    log.info("looked at the channels", extra={**answer, "metrics": metrics})
    return answer


async def _run(upstream: HttpUpstream) -> HealthReport:
    # Connections belong to the event loop of one run, so each has an upstream of its own.
    check = compose_health_check(tables, dynamodb, credentials, upstream, clock, loopback_allowed=is_local)
    try:
        return await check.run()
    finally:
        await upstream.close()
