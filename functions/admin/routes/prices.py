"""Price versions of one wallet's business."""

from __future__ import annotations

from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Request, Response
from pydantic import Field

from functions.admin.bodies import Body, Limit, Name, Write, author_of, body_of, moment_of, money_of
from functions.admin.lists import page_of
from functions.admin.routes.catalog import Amounts, tagged
from functions.admin.services import Financier, Reader, Served
from tokens_forge.admin.catalog_changes import CatalogState, stored_view
from tokens_forge.admin.preview import preview
from tokens_forge.admin.price_versions import ProposedPrice, sentence
from tokens_forge.catalog import PriceVersion
from tokens_forge.errors import RequestError
from tokens_forge.pricing import PPM, PriceTier
from tokens_forge.views import price_view
from tokens_forge.wallets import WalletKind

NANO_PER_PPM = 1000  # a multiplier is read as an amount: 1.8 is 1_800_000_000 nano and 1_800_000 ppm


class TierBody(Body):
    """Prices of a request that sends more tokens than this."""

    input_tokens_above: Annotated[int, Field(ge=0, le=10**9)]
    per_1m_tokens: Amounts


class PriceFields(Body):
    """A price: its own, or with a multiplier the official US dollar prices times that."""

    model: Name
    currency: Name
    per_1m_tokens: Amounts
    multiplier: str | None = None
    tiers: Annotated[list[TierBody], Field(max_length=10)] = Field(default_factory=list)
    starts_at: str | None = None
    allow_large_change: bool = False

    def proposed(self) -> ProposedPrice:
        """Raises RequestError that names the field."""
        tiers = tuple(
            PriceTier(tier.input_tokens_above, tier.per_1m_tokens.unit_prices("tiers")) for tier in self.tiers
        )
        money_of("1", self.currency, "currency")
        return ProposedPrice(
            model_id=self.model,
            currency=self.currency,
            unit_prices=self.per_1m_tokens.unit_prices("per_1m_tokens"),
            multiplier_ppm=_ppm(self.multiplier) if self.multiplier is not None else PPM,
            basis="own" if self.multiplier is None else "official",
            tiers=tiers,
            starts_at_ms=moment_of(self.starts_at, "starts_at") if self.starts_at is not None else None,
            allow_large_change=self.allow_large_change,
        )


class PriceBody(PriceFields, Write):
    """A price version to make."""


class PreviewBody(PriceFields):
    """A price to try on the newest requests of at most a day."""

    requests: Annotated[int, Field(ge=1, le=100)] = 10
    hours_back: Annotated[int, Field(ge=1, le=24)] = 24


class WithdrawalBody(Write):
    """A price version to take back before it starts."""

    model: Name
    version: Name


def router_of(kind: WalletKind) -> APIRouter:
    """The routes of one wallet's business."""
    router = APIRouter(prefix=f"/admin/v1/{kind.value}/prices", tags=[f"{kind.value} prices"])

    @router.get("")
    async def list_prices(
        key: Reader,
        served: Served,
        model: str | None = None,
        currency: str | None = None,
        cursor: str | None = None,
        limit: Limit = 50,
    ) -> dict[str, Any]:
        """Every price version: past, in force, to come, withdrawn."""
        state = await to_thread.run_sync(served.changes.state, kind)
        now_ms = served.clock.now_ms()
        views = [
            view
            for view in _views(state, now_ms)
            if model in (None, view["model"]) and currency in (None, view["currency"])
        ]
        return page_of(views, by="id", cursor=cursor, limit=limit)

    @router.post("", status_code=201)
    async def create_price(request: Request, response: Response, key: Financier, served: Served) -> dict[str, Any]:
        """A version that takes effect at a time. The answer says in words which wallet's settlement it changes."""
        body = await body_of(request, PriceBody)
        stored = await to_thread.run_sync(served.prices.create, kind, body.proposed(), author_of(key, body))
        assert isinstance(stored.thing, PriceVersion)
        return {**tagged(stored, response), "effect": sentence(kind, body.model, stored.thing.price)}

    @router.post("/preview")
    async def preview_price(request: Request, key: Reader, served: Served) -> dict[str, Any]:
        """What the newest requests of the model would have cost at this price. Nothing is written."""
        body = await body_of(request, PreviewBody)
        state = await to_thread.run_sync(served.changes.state, kind)
        price = served.prices.price_of(kind, body.proposed(), state.catalog)
        entries = await to_thread.run_sync(served.history.recent, kind, body.model, body.requests, body.hours_back * 60)
        return {
            "object": "price_preview",
            "model": body.model,
            "wallet": kind.value,
            "price": price_view(price),
            "effect": sentence(kind, body.model, price),
            **preview(entries, price),
        }

    @router.post("/withdraw")
    async def withdraw_price(request: Request, response: Response, key: Financier, served: Served) -> dict[str, Any]:
        """Take a version back that has not started."""
        body = await body_of(request, WithdrawalBody)
        stored = await to_thread.run_sync(served.prices.withdraw, kind, body.model, body.version, author_of(key, body))
        return tagged(stored, response)

    return router


def _views(state: CatalogState, now_ms: int) -> list[dict[str, Any]]:
    views = []
    for model_id, versions in state.prices.items():
        for stored in versions:
            assert isinstance(stored.thing, PriceVersion)
            price = stored.thing.price
            in_force = state.catalog.price_in_force(model_id, price.currency, now_ms)
            if stored.thing.withdrawn:
                standing = "withdrawn"
            elif price.effective_at_ms > now_ms:
                standing = "scheduled"
            else:
                standing = "in_force" if price == in_force else "past"
            view = stored_view(stored)
            views.append({**view, "id": f"{model_id}#{view['starts_at']}#{price.version}", "standing": standing})
    return views


def _ppm(multiplier: str) -> int:
    nano = money_of(multiplier, "USD", "multiplier")
    if nano <= 0 or nano % NANO_PER_PPM:
        raise RequestError("A multiplier is a decimal above 0, with at most six decimals.", param="multiplier")
    return nano // NANO_PER_PPM
