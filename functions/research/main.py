"""The composition root of the research API: the one place that reads the environment and builds clients, once, at import."""

from __future__ import annotations

import boto3
from botocore.config import Config

from functions.proxy.settings import Settings
from functions.research.app import create_app
from functions.research.compose import compose_api
from functions.research.run_service import StepFunctions
from functions.research.settings import ResearchSettings
from tokens_forge.clock import SystemClock
from tokens_forge.credentials import SecretsManagerCredentials
from tokens_forge.providers.http import HttpUpstream

_LEDGER_CLIENT = Config(
    retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=4, max_pool_connections=64, tcp_keepalive=True
)

clock = SystemClock()
research = ResearchSettings.from_environment()
app = create_app(
    compose_api(
        Settings.from_environment(),
        research,
        dynamodb=boto3.client("dynamodb", config=_LEDGER_CLIENT),
        s3=lambda: boto3.client("s3"),
        executions=StepFunctions(boto3.client("stepfunctions"), research.workflow_arn),
        upstream=HttpUpstream(),
        credentials=SecretsManagerCredentials(boto3.client("secretsmanager"), clock),
        clock=clock,
    )
)
