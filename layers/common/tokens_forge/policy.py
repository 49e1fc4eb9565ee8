"""The policy: may this key call this model on this endpoint, at which price, by which route?

One function answers for listing, quote and call, so what is listed is exactly what can be called.
"""

from __future__ import annotations

from dataclasses import dataclass

from tokens_forge.catalog import Catalog, Model
from tokens_forge.channels import Channel
from tokens_forge.endpoints import Endpoint, carries
from tokens_forge.errors import EndpointNotServed, ForgeError, ModelNotAllowed, ModelNotFound, NoPrice, NoRoute
from tokens_forge.keys import Key
from tokens_forge.pricing import BUCKETS, PPM, Price
from tokens_forge.wallets import WalletKind


@dataclass(frozen=True, slots=True)
class Offer:
    """A model at a price version on one wallet, with the channels that may serve it, primary first.

    `endpoints` are those on which it can be called now: the model is sold on them, and some channel of its route carries them.
    """

    kind: WalletKind
    model: Model
    price: Price
    channels: tuple[Channel, ...]
    endpoints: tuple[Endpoint, ...]

    @property
    def primary(self) -> Channel:
        """The first channel of the route."""
        return self.channels[0]


def decide(
    key: Key, currency: str, model_id: str, catalog: Catalog, now_ms: int, endpoint: Endpoint | None = None
) -> Offer:
    """The offer in the wallet's currency, or the error that says what stands in the way.

    A call names its endpoint and gets the channels that carry it; a listing names none and gets all that carry anything. Raises
    ModelNotFound, ModelNotAllowed, NoPrice, NoRoute or EndpointNotServed; the key itself was proven before (`identity`).
    """
    assert key.kind.wallet is catalog.kind, "a key is only ever judged against its own wallet's catalog"
    model = _model(model_id, catalog)
    if key.allowed_models is not None and model_id not in key.allowed_models:
        raise ModelNotAllowed(f"The key {key.key_id} may not call the model {model_id!r}.", param="model")
    return _priced_and_routed(currency, model, catalog, now_ms, endpoint)


def _model(model_id: str, catalog: Catalog) -> Model:
    model = catalog.models.get(model_id)
    if model is None or not model.enabled:
        raise ModelNotFound(
            f"The {catalog.kind.label} does not offer the model {model_id!r}. GET /v1/models lists what this key can call."
        )
    return model


def _priced_and_routed(
    currency: str, model: Model, catalog: Catalog, now_ms: int, endpoint: Endpoint | None = None
) -> Offer:
    """The part of a decision that is the same for every key of a wallet in this currency."""
    model_id, label = model.model_id, catalog.kind.label
    price = catalog.price_in_force(model_id, currency, now_ms)
    if price is None:
        raise NoPrice(
            f"The model {model_id!r} has no price on the {label} in {currency}: it is not offered.", param="model"
        )
    route = [channel for channel in catalog.route_channels(model_id) if price_fits(price, channel, model_id)]
    served = tuple(one for one in model.endpoints if any(carries(channel.protocol, one) for channel in route))
    if not served:
        raise NoRoute(f"No channel is set up that serves {model_id!r} on the {label}.", param="model")
    if endpoint is not None and endpoint not in served:
        paths = ", ".join(one.path for one in served)
        raise EndpointNotServed(
            f"The model {model_id!r} is not served on {endpoint.path}. The {label} serves it on {paths}.", param="model"
        )
    asked = (endpoint,) if endpoint is not None else served
    channels = tuple(channel for channel in route if any(carries(channel.protocol, one) for one in asked))
    return Offer(catalog.kind, model, price, channels, served)


def price_fits(price: Price, channel: Channel, model_id: str) -> bool:
    """Whether the channel costs us at most what the customer is quoted, for any usage.

    The customer pays the quoted price whichever channel serves; a dearer channel would make a backup our loss. Costs in another
    currency cannot be compared, and pass.
    """
    cost = channel.costs.unit_prices.get(model_id) if channel.costs is not None else None
    if cost is None or channel.costs is None or channel.costs.currency != price.currency:
        return True
    quoted = [price.unit_prices, *(tier.unit_prices for tier in price.tiers)]
    return all(
        getattr(cost, bucket) * PPM <= getattr(unit_prices, bucket) * price.multiplier_ppm
        for unit_prices in quoted
        for bucket in BUCKETS
    )


def offers(key: Key, currency: str, catalog: Catalog, now_ms: int) -> list[Offer]:
    """Every offer this key can call, by model name."""
    found = verdicts(key, currency, catalog, now_ms)
    return [offer for offer in found.values() if isinstance(offer, Offer)]


def verdicts(
    key: Key, currency: str, catalog: Catalog, now_ms: int, endpoint: Endpoint | None = None
) -> dict[str, Offer | ForgeError]:
    """The decision on every model of the catalog, by model name."""
    found: dict[str, Offer | ForgeError] = {}
    for model_id in sorted(catalog.models):
        try:
            found[model_id] = decide(key, currency, model_id, catalog, now_ms, endpoint)
        except ForgeError as error:
            found[model_id] = error
    return found


def sellable(catalog: Catalog, currency: str, now_ms: int) -> frozenset[str]:
    """Every model that some key of a wallet in this currency can call."""
    return frozenset(offer.model.model_id for offer in wallet_offers(catalog, currency, now_ms))


def wallet_offers(catalog: Catalog, currency: str, now_ms: int) -> list[Offer]:
    """Every offer that an unlimited key of a wallet in this currency can call, by model name: what its balance buys."""
    found = []
    for model_id in sorted(catalog.models):
        try:
            found.append(_priced_and_routed(currency, _model(model_id, catalog), catalog, now_ms))
        except ForgeError:
            continue
    return found
