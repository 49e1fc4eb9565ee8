"""The OpenAPI document of the public API. Nothing here is loaded before somebody asks for it."""

from __future__ import annotations

from typing import Any

from functions.proxy.app import ROUTERS, TITLE
from functions.proxy.document.operations import OPERATIONS
from functions.web.application import application
from functions.web.openapi import document

DESCRIPTION = """\
An OpenAI-compatible API over two separate wallets. A key spends from exactly one of them, which it shows: `tf_official_…` or
`tf_routed_…`. A management key (`tf_manage_…`) reads the account and manages its keys, and spends nothing.

Amounts are decimal strings with their currency, never JSON numbers. Answers may get further fields."""


def build() -> dict[str, Any]:
    """The document, from the routes as they are."""
    return document(application(TITLE, ROUTERS, services=None), OPERATIONS, description=DESCRIPTION)
