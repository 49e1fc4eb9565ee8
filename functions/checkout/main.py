"""The composition root: the one place that reads the environment and builds clients, once, at import."""

from __future__ import annotations

import boto3
from botocore.config import Config

from functions.checkout.app import create_app
from functions.checkout.compose import compose
from functions.checkout.settings import Settings
from tokens_forge.clock import SystemClock
from tokens_forge.credentials import SecretsManagerCredentials

# Checkout repeats what may be repeated; a client that repeats by itself would hide conflicts from it.
_LEDGER_CLIENT = Config(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=4, tcp_keepalive=True)

clock = SystemClock()
work = compose(
    Settings.from_environment(),
    dynamodb=boto3.client("dynamodb", config=_LEDGER_CLIENT),
    credentials=SecretsManagerCredentials(boto3.client("secretsmanager"), clock),
    clock=clock,
)
app = create_app(work.services)
