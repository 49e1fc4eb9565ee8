"""Provider credentials: read from Secrets Manager by name, kept in memory for a few minutes, written nowhere."""

from __future__ import annotations

from typing import Any, Protocol

from tokens_forge.clock import Clock

CACHED_MS_MAX = 300_000


class CredentialMissing(Exception):
    """The named secret is not there or is empty. The message holds its name only."""


class Credentials(Protocol):
    """Gives a channel its bearer token."""

    def fresh(self, name: str) -> str | None:
        """The credential when it is in memory and fresh. Never blocks."""
        ...

    def read(self, name: str) -> str:
        """The credential. Blocks. Raises CredentialMissing."""
        ...

    def forget(self, name: str) -> None:
        """Read it again the next time: the provider refused it."""
        ...


class SecretsManagerCredentials:
    """Implements Credentials with AWS Secrets Manager."""

    def __init__(self, client: Any, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._cached: dict[str, tuple[int, str]] = {}

    def fresh(self, name: str) -> str | None:
        """The credential when it is in memory and fresh. Never blocks."""
        cached = self._cached.get(name)
        if cached is None or self._clock.now_ms() - cached[0] >= CACHED_MS_MAX:
            return None
        return cached[1]

    def read(self, name: str) -> str:
        """The credential. Blocks. Raises CredentialMissing."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            value = self._client.get_secret_value(SecretId=name).get("SecretString", "").strip()
        except (BotoCoreError, ClientError) as error:
            raise CredentialMissing(f"{name}: {type(error).__name__}") from None
        if not value:
            raise CredentialMissing(f"{name}: empty")
        self._cached[name] = (self._clock.now_ms(), value)
        return str(value)

    def forget(self, name: str) -> None:
        """Read it again the next time: the provider refused it."""
        self._cached.pop(name, None)
