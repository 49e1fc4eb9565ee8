"""The composition root: the one place that reads the environment and builds clients, once, at import."""

from __future__ import annotations

import boto3
from botocore.config import Config

from functions.proxy.app import create_app
from functions.proxy.compose import compose
from functions.proxy.settings import Settings
from tokens_forge.clock import SystemClock
from tokens_forge.credentials import SecretsManagerCredentials
from tokens_forge.observability import install
from tokens_forge.providers.http import HttpUpstream

# Settlement repeats what may be repeated; a client that repeats by itself would hide conflicts from it.
_LEDGER_CLIENT = Config(
    retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=4, max_pool_connections=64, tcp_keepalive=True
)

install("proxy")
clock = SystemClock()
app = create_app(
    compose(
        Settings.from_environment(),
        dynamodb=boto3.client("dynamodb", config=_LEDGER_CLIENT),
        s3=lambda: boto3.client("s3"),
        upstream=HttpUpstream(),
        credentials=SecretsManagerCredentials(boto3.client("secretsmanager"), clock),
        clock=clock,
    )
)
