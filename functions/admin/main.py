"""The composition root: the one place that reads the environment and builds clients, once, at import."""

from __future__ import annotations

import boto3

from functions.admin.app import create_app
from functions.admin.compose import compose
from functions.admin.settings import Settings
from tokens_forge.clock import SystemClock
from tokens_forge.credentials import SecretsManagerCredentials
from tokens_forge.providers.http import HttpUpstream
from tokens_forge.store.client import dynamodb_client

clock = SystemClock()
app = create_app(
    compose(
        Settings.from_environment(),
        dynamodb=dynamodb_client(read_timeout_s=10, connections_max=32),
        upstream=HttpUpstream,
        credentials=SecretsManagerCredentials(boto3.client("secretsmanager"), clock),
        clock=clock,
    )
)
