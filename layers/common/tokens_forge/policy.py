"""The policy: may this key call this model, at which price, by which route?

One function answers for listing, quote and call, so what is listed is exactly what can be called.
"""

from __future__ import annotations

from dataclasses import dataclass

from tokens_forge.catalog import Catalog, Channel, Model
from tokens_forge.errors import ForgeError, ModelNotAllowed, ModelNotFound, NoPrice, NoRoute
from tokens_forge.keys import Key
from tokens_forge.pricing import Price
from tokens_forge.wallets import WalletKind


@dataclass(frozen=True, slots=True)
class Offer:
    """A model at a price version on one wallet, with the channels that may serve it, primary first."""

    kind: WalletKind
    model: Model
    price: Price
    channels: tuple[Channel, ...]

    @property
    def primary(self) -> Channel:
        """The first channel of the route."""
        return self.channels[0]


def decide(key: Key, model_id: str, catalog: Catalog, now_ms: int) -> Offer:
    """The offer, or the error that says what stands in the way.

    Raises ModelNotFound, ModelNotAllowed, NoPrice or NoRoute; the key itself was proven before (`identity`).
    """
    assert key.kind.wallet is catalog.kind, "a key is only ever judged against its own wallet's catalog"
    label = catalog.kind.label
    model = catalog.models.get(model_id)
    if model is None or not model.enabled:
        raise ModelNotFound(
            f"The {label} does not offer the model {model_id!r}. GET /v1/models lists what this key can call."
        )
    if key.allowed_models is not None and model_id not in key.allowed_models:
        raise ModelNotAllowed(f"The key {key.key_id} may not call the model {model_id!r}.", param="model")
    price = catalog.price_in_force(model_id, now_ms)
    if price is None:
        raise NoPrice(f"The model {model_id!r} has no price on the {label}, so it is not offered.", param="model")
    channels = catalog.route_channels(model_id)
    if not channels:
        raise NoRoute(f"No channel is set up that serves {model_id!r} on the {label}.", param="model")
    return Offer(catalog.kind, model, price, channels)


def offers(key: Key, catalog: Catalog, now_ms: int) -> list[Offer]:
    """Every offer this key can call, by model name."""
    found = []
    for model_id in sorted(catalog.models):
        try:
            found.append(decide(key, model_id, catalog, now_ms))
        except ForgeError:
            continue
    return found
