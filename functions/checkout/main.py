"""The composition root: the one place that reads the environment and builds clients, once, at import."""

from __future__ import annotations

import boto3

from functions.checkout.app import create_app
from functions.checkout.compose import compose
from functions.checkout.settings import Settings
from tokens_forge.clock import SystemClock
from tokens_forge.credentials import SecretsManagerCredentials
from tokens_forge.store.client import dynamodb_client

clock = SystemClock()
work = compose(
    Settings.from_environment(),
    dynamodb=dynamodb_client(),
    credentials=SecretsManagerCredentials(boto3.client("secretsmanager"), clock),
    clock=clock,
)
app = create_app(work.services)
