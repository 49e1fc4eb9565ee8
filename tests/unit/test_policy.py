from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.builders import CHANNEL, MODEL, NOW_MS, PRICE, catalog, key
from tokens_forge.catalog import Catalog, Route
from tokens_forge.channels import ChannelKind
from tokens_forge.errors import ForgeError, ModelNotAllowed, ModelNotFound, NoPrice, NoRoute
from tokens_forge.policy import decide, offers

REFUSALS: list[tuple[str, Catalog, dict[str, object], type[ForgeError], str]] = [
    ("unknown model", catalog(models={}), {}, ModelNotFound, "model_availability"),
    ("disabled model", catalog(models={"small": replace(MODEL, enabled=False)}), {}, ModelNotFound, "model_availability"),
    ("key without the model", catalog(), {"allowed_models": frozenset({"big"})}, ModelNotAllowed, "key_permission"),
    ("no price", catalog(prices={}), {}, NoPrice, "pricing"),
    ("price not in force yet", catalog(prices={"small": (replace(PRICE, effective_at_ms=NOW_MS + 1),)}), {}, NoPrice, "pricing"),
    ("no route", catalog(routes={}), {}, NoRoute, "routing"),
    ("route to nowhere", catalog(channels={}), {}, NoRoute, "routing"),
    ("disabled channel", catalog(channels={"first": replace(CHANNEL, enabled=False)}), {}, NoRoute, "routing"),
    ("channel without the model", catalog(channels={"first": replace(CHANNEL, models={})}), {}, NoRoute, "routing"),
    (
        "an ordinary channel in an official route",
        catalog(channels={"first": replace(CHANNEL, kind=ChannelKind.STANDARD)}),
        {},
        NoRoute,
        "routing",
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "found", "changes", "error", "error_class"), REFUSALS, ids=[case[0] for case in REFUSALS]
)
def test_what_cannot_be_called_is_not_listed_and_names_its_class(
    name: str, found: Catalog, changes: dict[str, object], error: type[ForgeError], error_class: str
) -> None:
    caller = key(**changes)
    with pytest.raises(error) as raised:
        decide(caller, "USD", "small", found, NOW_MS)
    assert type(raised.value) is error
    assert raised.value.body()["error"]["forge"]["class"] == error_class
    assert offers(caller, "USD", found, NOW_MS) == []


def test_what_is_listed_can_be_called() -> None:
    [listed] = offers(key(allowed_models=frozenset({"small"})), "USD", catalog(), NOW_MS)
    assert listed == decide(key(), "USD", "small", catalog(), NOW_MS)
    assert listed.primary is CHANNEL and listed.price is PRICE


def test_the_latest_price_in_force_counts() -> None:
    later = replace(PRICE, version="p2", effective_at_ms=NOW_MS)
    found = catalog(prices={"small": (later, PRICE)})
    assert decide(key(), "USD", "small", found, NOW_MS).price is later
    assert decide(key(), "USD", "small", found, NOW_MS - 1).price is PRICE


def test_the_route_keeps_its_order_and_leaves_out_what_may_not_serve() -> None:
    second = replace(CHANNEL, channel_id="second")
    third = replace(CHANNEL, channel_id="third", kind=ChannelKind.COMPATIBLE)
    found = catalog(
        channels={"first": CHANNEL, "second": second, "third": third},
        routes={"small": Route("small", ("third", "second", "first"))},
    )
    assert [channel.channel_id for channel in decide(key(), "USD", "small", found, NOW_MS).channels] == [
        "second",
        "first",
    ]
