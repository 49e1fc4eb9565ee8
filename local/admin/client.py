"""The admin API as the command line calls it: address and key from the environment."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import httpx2 as httpx


class ApiRefused(Exception):
    """The API answered with an error; the message is its own, with its class."""


class AdminApi:
    """Calls one deployment with one admin key. Raises ApiRefused."""

    def __init__(self, url: str, key: str) -> None:
        self._url = url.rstrip("/")
        self._headers = {"authorization": f"Bearer {key}"}

    @classmethod
    def from_environment(cls) -> AdminApi:
        """Raises ApiRefused when a variable is missing."""
        missing = [name for name in ("FORGE_ADMIN_URL", "FORGE_ADMIN_KEY") if not os.environ.get(name)]
        if missing:
            raise ApiRefused(f"Set {' and '.join(missing)}. With `make run`: set -a; . .local/env; set +a")
        return cls(os.environ["FORGE_ADMIN_URL"], os.environ["FORGE_ADMIN_KEY"])

    def call(
        self,
        method: str,
        path: str,
        *,
        body: dict[str, Any] | None = None,
        version: int | None = None,
        **query: Any,
    ) -> dict[str, Any]:
        """The body of the answer."""
        headers = self._headers if version is None else {**self._headers, "if-match": f'"{version}"'}
        given = {name.rstrip("_"): value for name, value in query.items() if value is not None}
        try:
            # Proxies of the user must not stand between this machine and itself; plain HTTP needs no certificates.
            is_remote = not self._url.startswith("http://")
            with httpx.Client(trust_env=is_remote, verify=is_remote, timeout=35) as client:
                answer = client.request(method, self._url + path, headers=headers, json=body, params=given)
            found: dict[str, Any] = answer.json()
        except (httpx.HTTPError, ValueError) as broken:
            raise ApiRefused(f"{self._url} did not answer as an admin API does: {type(broken).__name__}") from None
        if answer.status_code >= 400:
            error = found.get("error", {})
            error_class = error.get("forge", {}).get("class", "?")
            raise ApiRefused(f"{answer.status_code} {error.get('code')} ({error_class}): {error.get('message')}")
        return found

    def pages(self, path: str, **query: Any) -> Iterator[dict[str, Any]]:
        """Every page of a list."""
        cursor = None
        while True:
            page = self.call("GET", path, cursor=cursor, **query)
            yield page
            cursor = page.get("next_cursor")
            if cursor is None:
                return

    def all(self, path: str, **query: Any) -> list[dict[str, Any]]:
        """Everything in a list."""
        return [line for page in self.pages(path, **query) for line in page["data"]]
