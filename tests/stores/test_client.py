"""The client that every function makes: what it does when DynamoDB does not answer well is settlement's to decide."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from tests.support.behaviour import error
from tests.support.upstream import Upstream
from tokens_forge.store.client import dynamodb_client


@pytest.mark.parametrize("status", [400, 500, 503])
def test_it_asks_once_whatever_the_answer(upstream: Upstream, monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    for name, value in {
        "AWS_ENDPOINT_URL_DYNAMODB": upstream.base_url,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "any",
        "AWS_SECRET_ACCESS_KEY": "any",
    }.items():
        monkeypatch.setenv(name, value)
    upstream.default = error(status)
    client = dynamodb_client(read_timeout_s=2)
    with pytest.raises(ClientError):
        client.get_item(TableName="wallets", Key={"account_id": {"S": "acc"}})
    assert len(upstream.requests) == 1
    client.close()
