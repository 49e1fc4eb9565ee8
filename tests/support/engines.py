"""DynamoDB engines that a test can run on. All have the tables of the shipped template and the same boto3 client.

| engine | process | threads | use it for |
|---|---|---|---|
| `moto_engine` | this one | serialised by a lock | most tests: expressions, conditions, error paths |
| `ministack` | one per session | really concurrent | many callers at once |
| `dynamodb_local` | one per session | really concurrent | AWS's own engine (of 2020) as an independent witness |

What each of them does differently from DynamoDB is written in `tests/support/README.md`.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from boto3.session import Session
from botocore.config import Config

from tests.support.template import REGION, Table, table_variables, tables, transformed

# Local engines take any words here; DynamoDB Local wants letters and digits only.
_ANYBODY = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}

ANSWERS_BUCKET = "answers-of-the-tests"

# Like the product's own client: no retry inside botocore, because settlement retries where it is harmless.
_NO_RETRY = Config(
    retries={"total_max_attempts": 1, "mode": "standard"},
    connect_timeout=5,
    read_timeout=30,
    max_pool_connections=64,
)

# boto3 sessions are not thread-safe while they build a client (boto3 guide, "Multithreading"); clients are.
_session_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine with the template's tables in it, empty."""

    name: str
    endpoint_url: str | None
    table_names: Mapping[str, str]
    _session: Session = field(repr=False)

    def client(self, config: Config | None = None) -> Any:
        """A low-level client of its own: event hooks registered on it are seen by no other."""
        return build_client(self._session, self.endpoint_url, config)

    def s3(self) -> Any:
        """A client whose bucket of answers exists."""
        with _session_lock:
            client = self._session.client("s3", region_name=REGION, endpoint_url=self.endpoint_url, **_ANYBODY)
        client.create_bucket(Bucket=ANSWERS_BUCKET)
        return client

    def environment(self) -> dict[str, str]:
        """What the functions would be told: the tables, and where the engine is."""
        where = {"AWS_ENDPOINT_URL_DYNAMODB": self.endpoint_url} if self.endpoint_url else {}
        return {**self.table_names, "FORGE_ANSWERS_BUCKET": ANSWERS_BUCKET, "AWS_DEFAULT_REGION": REGION, **where}


def build_client(session: Session, endpoint_url: str | None, config: Config | None = None) -> Any:
    """A DynamoDB client without retries (unless `config` says otherwise)."""
    merged = _NO_RETRY.merge(config) if config else _NO_RETRY
    with _session_lock:
        return session.client("dynamodb", region_name=REGION, endpoint_url=endpoint_url, config=merged, **_ANYBODY)


@cache
def shared_session() -> Session:
    """One for all engines behind a socket: reading botocore's models takes 0.3 s."""
    return Session()


@cache
def _shipped() -> tuple[tuple[Table, ...], Mapping[str, str]]:
    """The template's tables, and which variable names which."""
    template = transformed()
    return tuple(tables(template)), table_variables(template)


def new_tables(create: Callable[..., object]) -> dict[str, str]:
    """Create the template's tables under a prefix of their own. Their names, by the variables that tell a function of them."""
    shipped, variables = _shipped()
    prefix = f"t{uuid.uuid4().hex[:12]}"
    names = {table.logical_id: f"{prefix}-{table.logical_id}" for table in shipped}
    for table in shipped:
        create(**table.create_arguments(names[table.logical_id]))
    return {variable: names[logical_id] for variable, logical_id in variables.items()}


@contextmanager
def fresh_tables(name: str, endpoint_url: str) -> Iterator[Engine]:
    """The template's tables in an engine behind a socket, deleted afterwards: tests share a process, never a table."""
    client = build_client(shared_session(), endpoint_url)
    by_variable = new_tables(client.create_table)
    try:
        yield Engine(name, endpoint_url, by_variable, shared_session())
    finally:
        for table_name in by_variable.values():
            client.delete_table(TableName=table_name)
        client.close()
