"""The DynamoDB client that stores work on."""

from __future__ import annotations

from typing import Any


def dynamodb_client(*, read_timeout_s: int = 4, connections_max: int = 10) -> Any:
    """A client that does not repeat by itself: settlement does, where it is harmless, and must see conflicts."""
    import boto3
    from botocore.config import Config

    return boto3.client(
        "dynamodb",
        config=Config(
            retries={"total_max_attempts": 1},
            connect_timeout=2,
            read_timeout=read_timeout_s,
            max_pool_connections=connections_max,
            tcp_keepalive=True,
            parameter_validation=False,  # DynamoDB checks them anyway, and ours are built in one place
            user_agent=f"tokens-forge Boto3/{boto3.__version__}",  # botocore would put its own together for every call
        ),
    )
