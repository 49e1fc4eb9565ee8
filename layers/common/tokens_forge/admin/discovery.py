"""Model discovery: what a channel offers, against what is sold over it."""

from __future__ import annotations

from typing import Any

from anyio import fail_after

from tokens_forge.catalog import Catalog
from tokens_forge.channels import Channel
from tokens_forge.model_lists import ASK_S, ModelList, ModelLists
from tokens_forge.providers.port import UpstreamFailure


async def ask(lists: ModelLists, channel: Channel) -> ModelList:
    """The channel's list; a channel that does not answer is an outcome, too."""
    try:
        with fail_after(ASK_S):
            return await lists.ask(channel, whole=True)
    except TimeoutError:
        return ModelList("timeout")
    except UpstreamFailure as failure:
        return ModelList(failure.outcome)


def compare(channel: Channel, catalog: Catalog, found: ModelList, now_ms: int) -> dict[str, Any]:
    """Offered, sold, missing a price, gone upstream. Without a list nothing is called gone."""
    sold, unpriced, unrouted = [], [], []
    for public in sorted(channel.models):
        model, route = catalog.models.get(public), catalog.routes.get(public)
        if model is None or not model.enabled:
            continue
        in_force = any(price.effective_at_ms <= now_ms for price in catalog.prices.get(public, ()))
        if not in_force:
            unpriced.append(public)
        elif route is None or channel.channel_id not in route.channel_ids:
            unrouted.append(public)
        elif channel.enabled:
            sold.append(public)
    offered = found.names if found.outcome == "ok" else None
    mapped = set(channel.models.values())
    return {
        "object": "discovery",
        "channel": channel.channel_id,
        "wallet": catalog.kind.value,
        "outcome": found.outcome or "no_list",
        "offered": sorted(offered) if offered is not None else None,
        "offered_not_mapped": sorted(offered - mapped) if offered is not None else None,
        "sold": sold,
        "missing_price": unpriced,
        "not_on_the_route": unrouted,
        "gone_upstream": [
            {"model": public, "upstream_name": upstream}
            for public, upstream in sorted(channel.models.items())
            if offered is not None and upstream not in offered
        ],
    }
