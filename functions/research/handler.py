"""The function behind every state of the workflow, and behind the event rule on executions that were stopped."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import boto3

from functions.proxy.settings import Settings
from functions.research.compose import compose_steps
from functions.research.settings import ResearchSettings
from functions.research.sources.http import HttpsClient
from tokens_forge.clock import SystemClock
from tokens_forge.credentials import SecretsManagerCredentials
from tokens_forge.observability import install
from tokens_forge.providers.http import HttpUpstream
from tokens_forge.store.client import dynamodb_client

install("research")
log = logging.getLogger("tokens_forge.research")
settings, research = Settings.from_environment(), ResearchSettings.from_environment()
clock = SystemClock()
dynamodb, s3 = dynamodb_client(), boto3.client("s3")
credentials = SecretsManagerCredentials(boto3.client("secretsmanager"), clock)
vendors = HttpsClient()


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer one state. Returns references and outcomes only."""
    answer = asyncio.run(_handle(event, context.get_remaining_time_in_millis(), HttpUpstream()))
    log.info("research", extra={"action": event.get("action", "stopped"), **answer})
    return answer


async def _handle(event: dict[str, Any], time_left_ms: int, upstream: HttpUpstream) -> dict[str, Any]:
    # Connections belong to the event loop of one invocation.
    steps = compose_steps(
        settings,
        research,
        dynamodb=dynamodb,
        s3=s3,
        upstream=upstream,
        credentials=credentials,
        http=vendors,
        clock=clock,
    )
    try:
        return await steps.handle(event, time_left_ms)
    finally:
        await upstream.close()
