"""The composition root: the one place that reads the environment and builds clients, once, at import."""

from __future__ import annotations

import boto3
from botocore.config import Config

from functions.admin.app import create_app
from functions.admin.compose import compose
from functions.admin.settings import Settings
from tokens_forge.clock import SystemClock
from tokens_forge.credentials import SecretsManagerCredentials
from tokens_forge.providers.http import HttpUpstream

# Whoever may repeat a write does it knowingly: a client that repeats by itself would hide conflicts.
_LEDGER_CLIENT = Config(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=10, max_pool_connections=32)

clock = SystemClock()
app = create_app(
    compose(
        Settings.from_environment(),
        dynamodb=boto3.client("dynamodb", config=_LEDGER_CLIENT),
        upstream=HttpUpstream,
        credentials=SecretsManagerCredentials(boto3.client("secretsmanager"), clock),
        clock=clock,
    )
)
