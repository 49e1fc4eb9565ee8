"""From which addresses the admin API may be called.

The address is the one that API Gateway saw, from the request context that it hands to the function. A header says nothing: anybody
can send one. Where there is no gateway, only this machine may call.
"""

from __future__ import annotations

from ipaddress import ip_address

from starlette.types import Scope

from functions.admin.settings import Network
from tokens_forge.errors import KeyNotPermitted


class AllowedAddresses:
    """Judges the caller's address."""

    def __init__(self, networks: tuple[Network, ...], *, in_lambda: bool) -> None:
        self._networks = networks
        self._in_lambda = in_lambda

    def check(self, scope: Scope) -> None:
        """Raises KeyNotPermitted."""
        if self._in_lambda:
            if self._networks and not self._is_allowed(_gateway_address(scope)):
                raise KeyNotPermitted("The admin API does not take calls from this address.")
        elif not _is_loopback((scope.get("client") or ("", 0))[0]):
            raise KeyNotPermitted("The admin API takes calls from this machine only.")

    def _is_allowed(self, address: str) -> bool:
        try:
            caller = ip_address(address)
        except ValueError:
            return False
        return any(caller in network for network in self._networks)


def _gateway_address(scope: Scope) -> str:
    context = scope.get("aws.event", {}).get("requestContext", {})
    return str(context.get("identity", {}).get("sourceIp", ""))


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False
