"""Reads a vendor's JSON, and recognises what is none: an error page with HTTP 200, a redirect, a limit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from functions.research.sources.http import Reply, VendorDown
from tokens_forge.strict_json import loads


def vendor_object(reply: Reply, vendor: str) -> Mapping[str, Any]:
    """The object of an answer. Raises VendorDown with a reason that can be shown, and repeats nothing of the body."""
    if reply.status == 429:
        raise VendorDown(f"{vendor} refuses more requests for now (HTTP 429).")
    if reply.status != 200:
        raise VendorDown(f"{vendor} answered with HTTP {reply.status}.")
    if "html" in reply.content_type.lower() or reply.body.lstrip()[:1] == b"<":
        raise VendorDown(f"{vendor} answered with a web page instead of data.")
    try:
        found = loads(reply.body)
    except ValueError:
        raise VendorDown(f"{vendor} answered with something that is not JSON.") from None
    if not isinstance(found, dict):
        raise VendorDown(f"{vendor} answered in a shape that is not known.")
    return found
