"""Models, channels, pools and routes of one wallet's business."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeVar

from anyio import to_thread
from fastapi import APIRouter, Request, Response
from pydantic import Field

from functions.admin.bodies import Body, Limit, Name, Write, author_of, body_of, if_match_of, money_of, price_nano
from functions.admin.lists import page_of
from functions.admin.services import Operator, Reader, Served, Services
from tokens_forge.admin.audit import Author
from tokens_forge.admin.catalog_changes import CatalogState, Stored, stored_view
from tokens_forge.catalog import CatalogThing, Model, Route
from tokens_forge.channels import Channel, ChannelKind, Costs, PaidProbe, PoolMember, QuotaWindow
from tokens_forge.endpoints import OPENAI, Endpoint
from tokens_forge.errors import NotFound, RequestError
from tokens_forge.pricing import UnitPrices
from tokens_forge.wallets import WalletKind

_CURRENCY = re.compile(r"[A-Z]{3}")
Count = Annotated[int, Field(ge=1, le=10**9)]
Thing = TypeVar("Thing", bound=CatalogThing)


class Amounts(Body):
    """Decimal strings per 1M tokens. Cached input and cache writes cost as much as input, unless they have a price."""

    input: str
    output: str
    cached_input: str | None = None
    cache_write: str | None = None

    def unit_prices(self, param: str) -> UnitPrices:
        """Raises RequestError that names the bucket."""
        return UnitPrices(
            input=price_nano(self.input, f"{param}.input"),
            cached_input=price_nano(self.cached_input or self.input, f"{param}.cached_input"),
            cache_write=price_nano(self.cache_write or self.input, f"{param}.cache_write"),
            output=price_nano(self.output, f"{param}.output"),
        )


class ModelBody(Write):
    """Settings of a model."""

    owned_by: Name
    output_tokens_max: Count
    default_output_tokens: Count
    typical_output_tokens: Count = 400
    image_tokens_max: Count | None = None
    document_tokens_max: Count | None = None
    enabled: bool = True
    endpoints: Annotated[list[str], Field(min_length=1, max_length=len(Endpoint))] = Field([Endpoint.CHAT.value])


class CostsBody(Body):
    """What the provider charges us, by public model name."""

    currency: Name
    per_1m_tokens: dict[Name, Amounts]


class ProbeBody(Body):
    """Permission for paid probes."""

    model: Name
    daily_cap: str


class WindowBody(Body):
    """What a member may do within any `length_s` seconds."""

    length_s: Count
    tokens_max: Count | None = None
    requests_max: Count | None = None


class MemberBody(Body):
    """One subscription account; `credential` is the name of a secret."""

    id: Name
    credential: Name
    slots: Count
    windows: Annotated[list[WindowBody], Field(max_length=10)] = Field(default_factory=list)
    enabled: bool = True


class UpstreamBody(Write):
    """What a channel and a pool have in common. `models` maps public names to the upstream's."""

    label: Name
    base_url: Name
    models: Annotated[dict[Name, Name], Field(min_length=1, max_length=500)]
    protocol: Name = OPENAI
    output_limit_field: Name = "max_completion_tokens"
    enabled: bool = True
    costs: CostsBody | None = None
    paid_probe: ProbeBody | None = None


class ChannelBody(UpstreamBody):
    """A channel; `credential` is the name of a secret."""

    kind: Name
    credential: Name


class PoolBody(UpstreamBody):
    """A pool of subscription accounts."""

    members: Annotated[list[MemberBody], Field(min_length=1, max_length=100)]


class RouteBody(Write):
    """Channels, primary first."""

    channels: Annotated[list[Name], Field(min_length=1, max_length=20)]


def router_of(kind: WalletKind) -> APIRouter:
    """The routes of one wallet's business. Nothing in them can name the other one."""
    router = APIRouter(prefix=f"/admin/v1/{kind.value}", tags=[f"{kind.value} catalog"])

    @router.get("/models")
    async def list_models(
        key: Reader, served: Served, *, cursor: str | None = None, limit: Limit = 50, enabled: bool | None = None
    ) -> dict[str, Any]:
        """Every model of this wallet, enabled or not."""
        state = await state_of(served, kind)
        views = [
            stored_view(stored)
            for model_id, stored in state.models.items()
            if enabled in (None, state.catalog.models[model_id].enabled)
        ]
        return page_of(views, by="id", cursor=cursor, limit=limit)

    @router.get("/models/{model_id:path}")
    async def read_model(model_id: str, response: Response, key: Reader, served: Served) -> dict[str, Any]:
        """One model."""
        return shown((await state_of(served, kind)).models, model_id, response)

    @router.put("/models/{model_id:path}")
    async def put_model(
        model_id: str, request: Request, response: Response, key: Operator, served: Served
    ) -> dict[str, Any]:
        """Make a model, or replace the version that If-Match names. A disabled one is neither listed nor called."""
        body = await body_of(request, ModelBody)
        return await put(
            served.changes.put_model, kind, _model(model_id, body), author_of(key, body), request, response
        )

    @router.get("/channels")
    async def list_channels(
        key: Reader, served: Served, *, cursor: str | None = None, limit: Limit = 50, enabled: bool | None = None
    ) -> dict[str, Any]:
        """Every channel that is no pool. Credentials are names of secrets."""
        state = await state_of(served, kind)
        views = [
            stored_view(stored)
            for channel_id, stored in state.channels.items()
            if not state.catalog.channels[channel_id].members
            and enabled in (None, state.catalog.channels[channel_id].enabled)
        ]
        return page_of(views, by="id", cursor=cursor, limit=limit)

    @router.get("/channels/{channel_id}")
    async def read_channel(channel_id: str, response: Response, key: Reader, served: Served) -> dict[str, Any]:
        """One channel, or pool."""
        return shown((await state_of(served, kind)).channels, channel_id, response)

    @router.put("/channels/{channel_id}")
    async def put_channel(
        channel_id: str, request: Request, response: Response, key: Operator, served: Served
    ) -> dict[str, Any]:
        """Make a channel, or replace the version that If-Match names."""
        body = await body_of(request, ChannelBody)
        channel = _channel(channel_id, _kind(body.kind), body, body.credential, ())
        return await put(served.changes.put_channel, kind, channel, author_of(key, body), request, response)

    @router.get("/routes")
    async def list_routes(
        key: Reader, served: Served, cursor: str | None = None, limit: Limit = 50, channel: str | None = None
    ) -> dict[str, Any]:
        """Every route, or those over one channel."""
        state = await state_of(served, kind)
        views = [
            stored_view(stored)
            for model_id, stored in state.routes.items()
            if channel is None or channel in state.catalog.routes[model_id].channel_ids
        ]
        return page_of(views, by="model", cursor=cursor, limit=limit)

    @router.get("/routes/{model_id:path}")
    async def read_route(model_id: str, response: Response, key: Reader, served: Served) -> dict[str, Any]:
        """The route of one model."""
        return shown((await state_of(served, kind)).routes, model_id, response)

    @router.put("/routes/{model_id:path}")
    async def put_route(
        model_id: str, request: Request, response: Response, key: Operator, served: Served
    ) -> dict[str, Any]:
        """Make a route, or replace the version that If-Match names. Its channels are of this class only."""
        body = await body_of(request, RouteBody)
        route = Route(model_id, tuple(body.channels))
        return await put(served.changes.put_route, kind, route, author_of(key, body), request, response)

    return router


def pool_of(pool_id: str, body: PoolBody) -> Channel:
    """The pool that a body describes. Raises RequestError."""
    try:
        members = tuple(
            PoolMember(
                member.id,
                member.credential,
                member.slots,
                tuple(
                    QuotaWindow(window.length_s, window.tokens_max, window.requests_max) for window in member.windows
                ),
                enabled=member.enabled,
            )
            for member in body.members
        )
    except ValueError as wrong:
        raise RequestError(f"{wrong}.", param="members") from None
    return _channel(pool_id, ChannelKind.POOL, body, "", members)


async def state_of(served: Services, kind: WalletKind) -> CatalogState:
    """The catalog as it stands, with the version of each thing."""
    return await to_thread.run_sync(served.changes.state, kind)


async def put(
    change: Callable[[WalletKind, Thing, Author, int | None], Stored],
    kind: WalletKind,
    thing: Thing,
    author: Author,
    request: Request,
    response: Response,
) -> dict[str, Any]:
    """Make a thing, or replace the version that If-Match names, by this change."""
    return tagged(await to_thread.run_sync(change, kind, thing, author, if_match_of(request)), response)


def shown(things: Mapping[str, Stored], name: str, response: Response) -> dict[str, Any]:
    """One thing, with its version as ETag. Raises NotFound."""
    stored = things.get(name)
    if stored is None:
        raise NotFound(f"There is no {name!r} here.")
    return tagged(stored, response)


def tagged(stored: Stored, response: Response) -> dict[str, Any]:
    """A thing, with its version as ETag."""
    response.headers["etag"] = f'"{stored.version}"'
    return stored_view(stored)


def _model(model_id: str, body: ModelBody) -> Model:
    if body.default_output_tokens > body.output_tokens_max:
        raise RequestError("The default is at most the maximum.", param="default_output_tokens")
    return Model(
        model_id=model_id,
        owned_by=body.owned_by,
        created_at_s=0,
        output_tokens_max=body.output_tokens_max,
        default_output_tokens=body.default_output_tokens,
        typical_output_tokens=body.typical_output_tokens,
        image_tokens_max=body.image_tokens_max,
        enabled=body.enabled,
        endpoints=tuple(_endpoint(name) for name in dict.fromkeys(body.endpoints)),
        document_tokens_max=body.document_tokens_max,
    )


def _endpoint(name: str) -> Endpoint:
    try:
        return Endpoint(name)
    except ValueError:
        raise RequestError(f"An endpoint is one of: {', '.join(Endpoint)}.", param="endpoints") from None


def _kind(name: str) -> ChannelKind:
    try:
        kind = ChannelKind(name)
    except ValueError:
        raise RequestError("A channel is official, standard or compatible.", param="kind") from None
    if kind is ChannelKind.POOL:
        raise RequestError("A pool has a path of its own: /admin/v1/routed/pools.", param="kind")
    return kind


def _channel(
    channel_id: str, kind: ChannelKind, body: UpstreamBody, credential: str, members: tuple[PoolMember, ...]
) -> Channel:
    try:
        return Channel(
            channel_id=channel_id,
            kind=kind,
            label=body.label,
            protocol=body.protocol,
            base_url=body.base_url,
            credential=credential,
            models=body.models,
            output_limit_field=body.output_limit_field,
            enabled=body.enabled,
            costs=_costs(body.costs) if body.costs is not None else None,
            members=members,
            paid_probe=_paid_probe(body) if body.paid_probe is not None else None,
        )
    except ValueError as wrong:
        raise RequestError(f"{wrong}.", param="id") from None


def _costs(body: CostsBody) -> Costs:
    if not _CURRENCY.fullmatch(body.currency):
        raise RequestError("A currency has three letters, such as USD.", param="costs.currency")
    by_model = {
        model_id: amounts.unit_prices(f"costs.per_1m_tokens.{model_id}")
        for model_id, amounts in body.per_1m_tokens.items()
    }
    return Costs(body.currency, by_model)


def _paid_probe(body: UpstreamBody) -> PaidProbe:
    assert body.paid_probe is not None
    cap_nano = money_of(body.paid_probe.daily_cap, "USD", "paid_probe.daily_cap")
    if cap_nano <= 0:
        raise RequestError("A daily cap is above 0.", param="paid_probe.daily_cap")
    if body.paid_probe.model not in body.models:
        raise RequestError("A paid probe calls a model of the channel.", param="paid_probe.model")
    return PaidProbe(body.paid_probe.model, cap_nano)
