"""Objects in S3, with the port's faults."""

from __future__ import annotations

from typing import Any

from tokens_forge.store.dynamodb_faults import faults, passing_over


def put_object(client: Any, bucket: str, place: str, content: bytes) -> None:
    """Keep it there. Raises StoreFault."""
    with faults():
        client.put_object(Bucket=bucket, Key=place, Body=content)


def get_object(client: Any, bucket: str, place: str) -> bytes | None:
    """What is there; None when nothing is. Raises StoreFault."""
    with faults():
        found = None
        with passing_over("NoSuchKey"):
            found = client.get_object(Bucket=bucket, Key=place)
        content: bytes | None = found["Body"].read() if found is not None else None
    return content
