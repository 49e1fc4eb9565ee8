"""The composition root of the research API: the one place that reads the environment and builds clients, once, at import."""

from __future__ import annotations

import boto3

from functions.proxy.settings import Settings
from functions.research.app import create_app
from functions.research.compose import compose_api
from functions.research.run_service import StepFunctions
from functions.research.settings import ResearchSettings
from tokens_forge.clock import SystemClock
from tokens_forge.credentials import SecretsManagerCredentials
from tokens_forge.providers.http import HttpUpstream
from tokens_forge.store.client import dynamodb_client

clock = SystemClock()
research = ResearchSettings.from_environment()
app = create_app(
    compose_api(
        Settings.from_environment(),
        research,
        dynamodb=dynamodb_client(connections_max=64),
        s3=lambda: boto3.client("s3"),
        executions=StepFunctions(boto3.client("stepfunctions"), research.workflow_arn),
        upstream=HttpUpstream(),
        credentials=SecretsManagerCredentials(boto3.client("secretsmanager"), clock),
        clock=clock,
    )
)
