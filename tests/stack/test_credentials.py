from __future__ import annotations

import boto3
import pytest
from moto import mock_aws

from tokens_forge.credentials import CACHED_MS_MAX, CredentialMissing, SecretsManagerCredentials


class Clock:
    def __init__(self) -> None:
        self.time_ms = 1_000_000

    def now_ms(self) -> int:
        return self.time_ms

    def sleep_ms(self, duration_ms: float) -> None:
        raise AssertionError("nobody waits here")


def test_a_credential_is_read_once_kept_a_few_minutes_and_read_again() -> None:
    with mock_aws():
        client = boto3.client("secretsmanager", region_name="us-east-1")
        client.create_secret(Name="tokens-forge/test/first", SecretString=" the-credential\n")
        clock = Clock()
        credentials = SecretsManagerCredentials(client, clock)
        assert credentials.fresh("tokens-forge/test/first") is None
        assert credentials.read("tokens-forge/test/first") == "the-credential"
        client.put_secret_value(SecretId="tokens-forge/test/first", SecretString="rotated")
        clock.time_ms += CACHED_MS_MAX - 1
        assert credentials.fresh("tokens-forge/test/first") == "the-credential"
        clock.time_ms += 1
        assert credentials.fresh("tokens-forge/test/first") is None
        assert credentials.read("tokens-forge/test/first") == "rotated"


@pytest.mark.parametrize("value", ["", "  \n"])
def test_a_missing_or_empty_secret_is_named_and_nothing_more(value: str) -> None:
    with mock_aws():
        client = boto3.client("secretsmanager", region_name="us-east-1")
        credentials = SecretsManagerCredentials(client, Clock())
        with pytest.raises(CredentialMissing, match="tokens-forge/test/none"):
            credentials.read("tokens-forge/test/none")
        client.create_secret(Name="tokens-forge/test/empty", SecretString=value or " ")
        with pytest.raises(CredentialMissing, match="empty"):
            credentials.read("tokens-forge/test/empty")
