"""The composition root: the one place that reads the environment and builds clients, once, at import."""

from __future__ import annotations

from functools import cache

import boto3

from functions.admin.app import create_app
from functions.admin.compose import compose
from functions.admin.settings import Settings
from functions.checkout.settings import Settings as PaymentSettings
from tokens_forge.checkout.refunding import Refunding
from tokens_forge.clock import SystemClock
from tokens_forge.credentials import SecretsManagerCredentials
from tokens_forge.providers.http import HttpUpstream
from tokens_forge.store.client import dynamodb_client

clock = SystemClock()
dynamodb = dynamodb_client(read_timeout_s=10, connections_max=32)
credentials = SecretsManagerCredentials(boto3.client("secretsmanager"), clock)
payments = PaymentSettings.from_environment()


@cache
def refunding() -> Refunding:
    """Checkout's own, which brings the payment provider's library: refunds are rare, and starts are not."""
    from functions.checkout.compose import compose as compose_checkout

    return compose_checkout(payments, dynamodb=dynamodb, credentials=credentials, clock=clock).refunding


app = create_app(
    compose(
        Settings.from_environment(),
        dynamodb=dynamodb,
        upstream=HttpUpstream,
        credentials=credentials,
        clock=clock,
        refunding=refunding,
    )
)
