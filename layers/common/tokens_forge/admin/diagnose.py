"""Diagnosis: what stops a key from calling a model, by the very functions that a real call walks, in the same order.

Exactly one cause comes out: the first thing that a call would meet. The error is the one that the customer gets.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from anyio import to_thread

from tokens_forge.catalog import CatalogReader
from tokens_forge.channels import Channel, ChannelKind
from tokens_forge.circuits import Circuit, CircuitKey
from tokens_forge.clock import Clock
from tokens_forge.endpoints import Endpoint
from tokens_forge.errors import (
    ErrorClass,
    ForgeError,
    InsufficientBalance,
    InvalidKey,
    KeyNotPermitted,
    KeySpendLimit,
    ModelNotAllowed,
    NoHealthyRoute,
    RateLimited,
    RequestError,
    WalletFrozen,
)
from tokens_forge.health import Health, HealthState, HealthStore, Sample, next_health
from tokens_forge.holding import spendable_nano, standing_in_the_way
from tokens_forge.identity import Identity, KeyReader, require_usable
from tokens_forge.keys import ACCOUNT_LETTERS, KEY_LETTERS, NO_LIMITS, Key
from tokens_forge.limits import LimitReader, limit_in_the_way
from tokens_forge.policy import Offer, decide
from tokens_forge.pools import MemberStatus
from tokens_forge.quotes import Quote, clamp, quote
from tokens_forge.requests.parsers import PARSERS
from tokens_forge.store.port import LedgerStore
from tokens_forge.wallets import Wallet, WalletKind

_KEY_ID = re.compile(rf"key_([0-9a-z]{{{ACCOUNT_LETTERS}}})[0-9a-z]{{{KEY_LETTERS}}}")
_SAY = [{"role": "user", "content": "Say: ok"}]
_SMALLEST: Mapping[Endpoint, dict[str, Any]] = {
    Endpoint.CHAT: {"messages": _SAY},
    Endpoint.COMPLETIONS: {"prompt": "Say: ok"},
    Endpoint.EMBEDDINGS: {"input": "ok"},
    Endpoint.RESPONSES: {"input": "Say: ok"},
    Endpoint.MESSAGES: {"messages": _SAY, "max_tokens": 16},
}


class Standing(StrEnum):
    """How one channel of the route stands, for a request that comes now."""

    OK = "ok"
    UNKNOWN = "unknown"
    CIRCUIT_OPEN = "circuit_open"
    POOL_FULL = "pool_full"
    DOWN = "down"
    PROBE_FAILED = "probe_failed"


_SERVES = frozenset({Standing.OK, Standing.UNKNOWN})


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What stands in the way; `error` None: nothing does. `channels` is how the route stands, once it came to that."""

    key_id: str
    model_id: str
    kind: WalletKind | None
    error: ForgeError | None
    remedy: str
    endpoint: Endpoint | None = None
    channels: tuple[tuple[str, Standing], ...] = ()

    @property
    def cause(self) -> str:
        """One of the six causes, or `none`. A limit of the key is what the key permits, though clients see `rate_limit`."""
        if isinstance(self.error, RateLimited):
            return ErrorClass.KEY_PERMISSION.value
        return self.error.error_class.value if self.error is not None else "none"

    def view(self) -> dict[str, Any]:
        """As the API shows it."""
        return {
            "object": "diagnosis",
            "key": self.key_id,
            "model": self.model_id,
            "wallet": self.kind.value if self.kind is not None else None,
            "wallet_label": self.kind.label if self.kind is not None else None,
            "endpoint": self.endpoint.value if self.endpoint is not None else None,
            "cause": self.cause,
            "message": self.error.message if self.error is not None else "This key can call this model.",
            "remedy": self.remedy,
            "channels": [{"channel": channel_id, "standing": how.value} for channel_id, how in self.channels],
            "customer_error": {"status": self.error.status, **self.error.body()} if self.error is not None else None,
        }


class CircuitReader(Protocol):
    """Where circuits are read."""

    def read_circuits(self, kind: WalletKind | None = None) -> list[Circuit]:
        """Those of one wallet's channels."""
        ...


@dataclass(frozen=True, slots=True)
class Found:
    """What is known of the state of routes and keys. `probe` asks an idle channel for its models; None when that says nothing."""

    limits: LimitReader
    health: HealthStore
    circuits: CircuitReader
    pool_status: Callable[[Channel], list[MemberStatus]]
    probe: Callable[[Channel], Awaitable[Sample | None]]


class Doctor:
    """Walks a call without making it."""

    def __init__(
        self, keys: KeyReader, ledger: LedgerStore, catalogs: CatalogReader, found: Found, clock: Clock
    ) -> None:
        self._keys = keys
        self._ledger = ledger
        self._catalogs = catalogs
        self._found = found
        self._clock = clock

    async def diagnose(
        self, key_id: str, model_id: str, wallet: WalletKind | None, endpoint: Endpoint | None
    ) -> Diagnosis:
        """Why this key cannot call this model. Raises RequestError when the key's id is none."""
        match = _KEY_ID.fullmatch(key_id)
        if match is None:
            raise RequestError(
                "Send the key's public id, such as key_… from GET /v1/key. Never send the key itself.", param="key"
            )
        kind = wallet
        quoted: Quote | None = None
        channels: tuple[tuple[str, Standing], ...] = ()
        error: ForgeError | None = None
        try:
            identity, held = await to_thread.run_sync(self._identify, f"acc_{match.group(1)}", key_id, wallet)
            kind = identity.wallet
            quoted = await to_thread.run_sync(self._quote, identity, model_id, endpoint)
            await to_thread.run_sync(self._require_room, identity.key, quoted)
            _require_payable(quoted, held, identity)
            channels = await self._standings(quoted.offer)
            if not any(how in _SERVES for _, how in channels):
                raise NoHealthyRoute(
                    f"No channel could serve {model_id!r} right now"
                    f" ({', '.join(f'{channel_id}: {how.value}' for channel_id, how in channels)})."
                )
        except ForgeError as stopped:
            error = stopped
        served = quoted.request.endpoint if quoted is not None else endpoint
        return Diagnosis(key_id, model_id, kind, error, _remedy(error, kind, model_id), served, channels)

    def _identify(self, account_id: str, key_id: str, wallet: WalletKind | None) -> tuple[Identity, Wallet | None]:
        key: Key | None = self._keys.read_key(account_id, key_id)
        if key is None:
            raise InvalidKey("This key is not known here: check that it was copied whole.")
        require_usable(key, self._clock.now_ms())
        kind = key.kind.wallet
        if kind is not None and wallet is not None and kind is not wallet:
            raise KeyNotPermitted(
                f"The key {key_id} spends {kind.label} only. Nothing it does can reach {wallet.label}."
            )
        held = self._ledger.read_wallet(account_id, kind) if kind is not None else None
        identity = Identity(key, held.auth_epoch if held else 0, held.currency if held else "")
        return identity, held

    def _quote(self, identity: Identity, model_id: str, endpoint: Endpoint | None) -> Quote:
        """The policy's decision, and the quote of the smallest request of an endpoint that serves the model."""
        catalog, now_ms = self._catalogs.read_catalog(identity.wallet), self._clock.now_ms()
        chosen = endpoint
        if chosen is None:
            chosen = decide(identity.key, identity.currency, model_id, catalog, now_ms).endpoints[0]
        offer = decide(identity.key, identity.currency, model_id, catalog, now_ms, chosen)
        return quote(offer, PARSERS[chosen]({"model": model_id, **_SMALLEST[chosen]}))

    def _require_room(self, key: Key, quoted: Quote) -> None:
        """Raises what the limits of the key would answer now."""
        if key.limits != NO_LIMITS:
            now_ms = self._clock.now_ms()
            refusal = limit_in_the_way(key, quoted, self._found.limits.use(key.key_id, now_ms), now_ms)
            if refusal is not None:
                raise refusal

    async def _standings(self, offer: Offer) -> tuple[tuple[str, Standing], ...]:
        """How each channel stands; idle ones of which nothing is known are asked, when nothing better is known to work."""
        now_ms = self._clock.now_ms()
        health = await to_thread.run_sync(self._found.health.read_health, offer.kind)
        circuits = {
            circuit.key: circuit for circuit in await to_thread.run_sync(self._found.circuits.read_circuits, offer.kind)
        }
        standings: dict[str, Standing] = {}
        for channel in offer.channels:
            subject = channel.channel_id, offer.model.model_id
            circuit = circuits.get(CircuitKey(offer.kind, *subject))
            known = next_health(health.get(subject, Health()), None, now_ms)
            if circuit is not None and circuit.waits(now_ms):
                standings[channel.channel_id] = Standing.CIRCUIT_OPEN
            elif await to_thread.run_sync(self._is_full, channel, now_ms):
                standings[channel.channel_id] = Standing.POOL_FULL
            elif known.state is HealthState.DOWN:
                standings[channel.channel_id] = Standing.DOWN
            elif known.state is HealthState.UNKNOWN:
                standings[channel.channel_id] = Standing.UNKNOWN
            else:
                standings[channel.channel_id] = Standing.OK
        if Standing.OK not in standings.values():
            for channel in offer.channels:
                if standings[channel.channel_id] is Standing.UNKNOWN:
                    sample = await self._found.probe(channel)
                    if sample is not None:
                        standings[channel.channel_id] = Standing.OK if sample.worked else Standing.PROBE_FAILED
        return tuple(standings.items())

    def _is_full(self, channel: Channel, now_ms: int) -> bool:
        if channel.kind is not ChannelKind.POOL:
            return False
        return all(
            not member.enabled
            or member.slots_used >= member.slots
            or (member.cooling_until_ms is not None and member.cooling_until_ms > now_ms)
            for member in self._found.pool_status(channel)
        )


def _require_payable(quoted: Quote, wallet: Wallet | None, identity: Identity) -> None:
    """Raises what a hold of this quote would meet: the customer's own error."""
    spendable = spendable_nano(wallet, identity.key)
    smaller = None if quoted.max_charge_nano <= spendable else clamp(quoted, spendable)
    if wallet is None:
        raise InsufficientBalance(
            kind=quoted.offer.kind,
            currency=quoted.offer.price.currency,
            needed_nano=quoted.max_charge_nano,
            available_nano=0,
            held_nano=0,
            affordable_output_tokens=0,
        )
    refusal = standing_in_the_way(wallet, smaller or quoted, identity)
    if refusal is not None:
        raise refusal


def _remedy(error: ForgeError | None, kind: WalletKind | None, model_id: str) -> str:
    """What an admin does about it, in words."""
    label = kind.label if kind is not None else "wallet"
    if error is None:
        return "Nothing stands in the way. If the customer still meets an error, ask for its x-request-id."
    if isinstance(error, WalletFrozen):
        return f"Find out in the audit log and the reconciliation why the {label} was frozen, then unfreeze it."
    if isinstance(error, KeySpendLimit):
        return "The key's owner raises its spend limit, or makes another key."
    if isinstance(error, RateLimited):
        return f"The customer waits, or the key's owner raises its limit {error.extras['limit']}."
    if isinstance(error, ModelNotAllowed):
        return f"The key's owner adds {model_id} to its allowed models, or uses a key that has it."
    return {
        ErrorClass.PRICING: f"Make a price version of {model_id} in the wallet's currency: POST …/prices."
        " One that was just made starts a minute later.",
        ErrorClass.BALANCE: f"The customer tops up the {label}. Nothing is ever taken from the other wallet.",
        ErrorClass.ROUTING: f"Give {model_id} a route with an enabled channel of this class whose cost fits the price.",
        ErrorClass.PROVIDER_HEALTH: "Look at the channels named here: wait for the provider, or put another one on the route.",
        ErrorClass.KEY_PERMISSION: "The customer uses a valid key of the right wallet, or makes a new one.",
        ErrorClass.MODEL_AVAILABILITY: f"Enable {model_id} on the {label}, or call it on an endpoint that it is sold on.",
    }.get(error.error_class, "See the customer's error.")
