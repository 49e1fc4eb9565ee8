"""The composition root: the one place that reads the environment and builds clients, once, at import."""

from __future__ import annotations

import boto3

from functions.proxy.app import create_app
from functions.proxy.compose import compose
from functions.proxy.settings import Settings
from tokens_forge.clock import SystemClock
from tokens_forge.credentials import SecretsManagerCredentials
from tokens_forge.observability import install
from tokens_forge.providers.http import HttpUpstream
from tokens_forge.store.client import dynamodb_client

install("proxy")
clock = SystemClock()
app = create_app(
    compose(
        Settings.from_environment(),
        dynamodb=dynamodb_client(connections_max=64),
        s3=lambda: boto3.client("s3"),
        upstream=HttpUpstream(),
        credentials=SecretsManagerCredentials(boto3.client("secretsmanager"), clock),
        clock=clock,
    )
)
