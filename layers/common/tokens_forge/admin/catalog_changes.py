"""Changes of one wallet's catalog: each is judged against the whole catalog as it stands, and written only if it still stands so.

A catalog has a revision that every change raises, in the change's own transaction together with its audit record. So two admins
cannot each make half of a mistake, such as one taking a channel off a route while the other disables the channel that is left.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from tokens_forge.admin.audit import Audit, AuditRecord, Author, log_of
from tokens_forge.admin.views import thing_view
from tokens_forge.catalog import Catalog, CatalogThing, Model, PriceVersion, Route
from tokens_forge.channels import Channel, require_safe_url
from tokens_forge.clock import Clock
from tokens_forge.endpoints import ANTHROPIC, OPENAI
from tokens_forge.errors import Conflict, NotFound, RequestError, VersionMismatch
from tokens_forge.policy import sellable
from tokens_forge.repetition import RetryRule
from tokens_forge.wallets import WalletKind

RACES_LOST_MAX = 8
PROTOCOLS = (OPENAI, ANTHROPIC)


@dataclass(frozen=True, slots=True)
class Stored:
    """A thing of the catalog and its version. What set-up wrote and nobody changed has version 0."""

    thing: CatalogThing
    version: int


@dataclass(frozen=True, slots=True)
class CatalogState:
    """A catalog as it stood at one revision. `prices` holds withdrawn versions too."""

    revision: int
    catalog: Catalog
    models: Mapping[str, Stored]
    channels: Mapping[str, Stored]
    routes: Mapping[str, Stored]
    prices: Mapping[str, tuple[Stored, ...]]


class CatalogChangeStore(Protocol):
    """Where catalogs are changed."""

    def read_state(self, kind: WalletKind) -> CatalogState:
        """A consistent read of everything, the revision first."""
        ...

    def write(self, kind: WalletKind, seen: CatalogState, changed: Stored, record: AuditRecord) -> bool:
        """Write one thing and its record, if the catalog still has the revision that was seen; False when it has not."""
        ...


Plan = Callable[[CatalogState], tuple[Stored | None, CatalogThing]]


class CatalogChanges:
    """Its methods block. Raises RequestError, NotFound, Conflict or VersionMismatch; then nothing was written.

    `if_match` is the version that the caller has read, None to make something new. `secrets_prefix` begins the name of every
    credential that the deployment may read.
    """

    def __init__(
        self,
        store: CatalogChangeStore,
        audit: Audit,
        clock: Clock,
        *,
        secrets_prefix: str,
        loopback_allowed: bool,
        retry: RetryRule | None = None,
    ) -> None:
        self._store = store
        self._audit = audit
        self._clock = clock
        self._secrets_prefix = secrets_prefix
        self._loopback_allowed = loopback_allowed
        self._retry = retry or RetryRule()

    def state(self, kind: WalletKind) -> CatalogState:
        """The catalog as it stands."""
        return self._store.read_state(kind)

    def put_channel(self, kind: WalletKind, channel: Channel, author: Author, if_match: int | None) -> Stored:
        """Make or replace a channel or a pool."""
        self._check_channel(kind, channel)

        def plan(state: CatalogState) -> tuple[Stored | None, CatalogThing]:
            before = _expected(state.channels.get(channel.channel_id), if_match, channel.channel_id)
            if before is not None and isinstance(before.thing, Channel) and _noun(before.thing) != _noun(channel):
                raise Conflict(
                    f"{channel.channel_id!r} is a {_noun(before.thing)}: it cannot become a {_noun(channel)}."
                )
            return before, channel

        return self.change(kind, f"{_noun(channel)}.put", channel.channel_id, author, plan)

    def put_route(self, kind: WalletKind, route: Route, author: Author, if_match: int | None) -> Stored:
        """Make or replace the route of a model."""

        def plan(state: CatalogState) -> tuple[Stored | None, CatalogThing]:
            _check_route(route, state.catalog)
            return _expected(state.routes.get(route.model_id), if_match, route.model_id), route

        return self.change(kind, "route.put", route.model_id, author, plan)

    def put_model(self, kind: WalletKind, model: Model, author: Author, if_match: int | None) -> Stored:
        """Make or replace a model. A disabled one is not listed and not called."""

        def plan(state: CatalogState) -> tuple[Stored | None, CatalogThing]:
            before = _expected(state.models.get(model.model_id), if_match, model.model_id)
            if before is not None and isinstance(before.thing, Model):
                return before, replace(model, created_at_s=before.thing.created_at_s)
            return before, replace(model, created_at_s=self._clock.now_ms() // 1000)

        return self.change(kind, "model.put", model.model_id, author, plan)

    def change(self, kind: WalletKind, action: str, subject: str, author: Author, plan: Plan) -> Stored:
        """Write what `plan` makes of the catalog. A lost race is planned again on the newer catalog."""
        for _ in range(RACES_LOST_MAX):
            state = self._store.read_state(kind)
            before, thing = plan(state)
            self._require_still_sold(state.catalog, thing)
            after = Stored(thing, before.version + 1 if before is not None else 1)
            record = self._audit.record(
                log_of(kind),
                author,
                action,
                subject,
                stored_view(before) if before is not None else None,
                stored_view(after),
            )
            if self._retry.again(lambda: self._store.write(kind, state, after, record), self._clock):  # noqa: B023
                return after
        raise Conflict("The catalog is being changed by others all the time. Try again.")

    def _check_channel(self, kind: WalletKind, channel: Channel) -> None:
        if channel.kind.wallet is not kind:
            raise RequestError(
                f"A channel of the kind {channel.kind.value!r} is not for the {kind.label}: official channels serve"
                " official models, ordinary ones (standard, compatible, pool) serve routed models.",
                param="kind",
            )
        if channel.protocol not in PROTOCOLS:
            raise RequestError(f"A channel speaks one of: {', '.join(PROTOCOLS)}.", param="protocol")
        try:
            require_safe_url(channel.base_url, loopback_allowed=self._loopback_allowed)
        except ValueError as unsafe:
            raise RequestError(f"{unsafe}.", param="base_url") from None
        for name in [member.credential for member in channel.members] or [channel.credential]:
            if not name.startswith(self._secrets_prefix) or name == self._secrets_prefix:
                raise RequestError(
                    f"A credential is the name of a secret that begins with {self._secrets_prefix!r}, never the secret.",
                    param="credential",
                )

    def _require_still_sold(self, catalog: Catalog, thing: CatalogThing) -> None:
        """Whatever could be sold before can be sold after: the last channel of a route in use stays, and a price leaves one.

        Disabling a model is the way to stop selling it. Judged by the very policy that calls go by.
        """
        if isinstance(thing, Model) and not thing.enabled:
            return
        at_ms = self._clock.now_ms()
        if isinstance(thing, PriceVersion):
            at_ms = max(at_ms, thing.price.effective_at_ms)
        after = _with(catalog, thing)
        currencies = {price.currency for versions in catalog.prices.values() for price in versions}
        for currency in sorted(currencies):
            lost = sellable(catalog, currency, at_ms) - sellable(after, currency, at_ms)
            if lost:
                raise Conflict(
                    f"This would leave {', '.join(sorted(lost))} without a channel that may serve it on the"
                    f" {catalog.kind.label} in {currency}. Give its route another channel first, or disable the model.",
                    extras={"models": sorted(lost)},
                )


def stored_view(stored: Stored) -> dict[str, Any]:
    """A thing with its version."""
    return {**thing_view(stored.thing), "item_version": stored.version}


def _noun(channel: Channel) -> str:
    return "pool" if channel.members else "channel"


def _expected(found: Stored | None, if_match: int | None, name: str) -> Stored | None:
    """What is there, if it is what the caller has read."""
    if found is None and if_match is not None:
        raise NotFound(f"There is no {name!r} to change. Leave If-Match out to make it.")
    if found is not None and if_match is None:
        raise Conflict(
            f"{name!r} is there already. Send the version that you have read as If-Match to change it.",
            extras={"current": stored_view(found)},
        )
    if found is not None and found.version != if_match:
        raise VersionMismatch(
            f"{name!r} has version {found.version}, not {if_match}: somebody changed it meanwhile.",
            extras={"current": stored_view(found)},
        )
    return found


def _check_route(route: Route, catalog: Catalog) -> None:
    label = catalog.kind.label
    if route.model_id not in catalog.models:
        raise RequestError(f"The {label} has no model {route.model_id!r}. Make it first.", param="model")
    if not route.channel_ids or len(set(route.channel_ids)) != len(route.channel_ids):
        raise RequestError("A route names at least one channel, and each once.", param="channels")
    for channel_id in route.channel_ids:
        channel = catalog.channels.get(channel_id)
        if channel is None:
            raise RequestError(
                f"The {label} has no channel {channel_id!r}. A route holds channels of its own class only.",
                param="channels",
            )
        if route.model_id not in channel.models:
            raise RequestError(f"The channel {channel_id!r} has no {route.model_id!r} in its models.", param="channels")


def _with(catalog: Catalog, thing: CatalogThing) -> Catalog:
    """The catalog after the change."""
    if isinstance(thing, Model):
        return replace(catalog, models={**catalog.models, thing.model_id: thing})
    if isinstance(thing, Channel):
        return replace(catalog, channels={**catalog.channels, thing.channel_id: thing})
    if isinstance(thing, Route):
        return replace(catalog, routes={**catalog.routes, thing.model_id: thing})
    versions = catalog.prices.get(thing.model_id, ())
    others = tuple(price for price in versions if price.version != thing.price.version)
    kept = others if thing.withdrawn else (*others, thing.price)
    return replace(catalog, prices={**catalog.prices, thing.model_id: kept})
