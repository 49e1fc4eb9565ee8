"""What is listed is what is quoted is what is called, for any catalog, key and endpoint, on the primary and on every backup.

The gateway is the real one; its ledger is the simulated store, its provider answers in memory and fails as the policy says.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

import pytest

from tests.support.circuits import CircuitsInMemory
from tests.support.clocks import ShiftedClock
from tests.support.limits import NoLimits
from tests.unit.builders import MODEL, NOW_MS, PRICE
from tokens_forge.attempts import Attempts, TimeLimits
from tokens_forge.catalog import Catalog, CatalogCache, Model, Route
from tokens_forge.channels import Channel, ChannelKind, Costs
from tokens_forge.circuits import Circuits
from tokens_forge.endpoints import CARRIERS, Endpoint
from tokens_forge.errors import EndpointNotServed, ForgeError, NoHealthyRoute
from tokens_forge.gateway import Answer, Gateway
from tokens_forge.identity import Authenticator
from tokens_forge.keys import Key, KeyKind, mint
from tokens_forge.limits import Limiter
from tokens_forge.money import Money
from tokens_forge.pools import Pools
from tokens_forge.pricing import Price, UnitPrices
from tokens_forge.providers.port import UpstreamCall
from tokens_forge.providers.wires import WIRES
from tokens_forge.requests.parsers import PARSERS
from tokens_forge.routing import Router
from tokens_forge.settlement import Balances, Books, Settlement
from tokens_forge.store.simulated import SimulatedLedgerStore
from tokens_forge.store.simulated_pools import SimulatedPoolStore
from tokens_forge.wallets import Wallet, WalletKind

ACCOUNT = "acc_0123456789ab"
MODELS = ("a", "b", "c")
CHANNELS = ("one", "two", "three")
CURRENCY = {WalletKind.OFFICIAL: "USD", WalletKind.ROUTED: "CNY"}
HOST = "https://{}.invalid/v1"
PROTOCOLS = ("openai", "openai", "anthropic", "telepathy")
# One answer that every protocol can read its own from.
ANSWER = {
    "choices": [{"message": {"content": "hello"}, "text": "hello"}],
    "data": [{"embedding": [0.5]}],
    "output": [{"type": "message", "content": [{"type": "output_text", "text": "hello"}]}],
    "content": [{"type": "text", "text": "hello"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2, "input_tokens": 3, "output_tokens": 2},
}
BODIES: dict[Endpoint, dict[str, Any]] = {
    Endpoint.CHAT: {"messages": [{"role": "user", "content": "hi"}]},
    Endpoint.COMPLETIONS: {"prompt": "hi"},
    Endpoint.EMBEDDINGS: {"input": "hi"},
    Endpoint.RESPONSES: {"input": "hi"},
    Endpoint.MESSAGES: {"messages": [{"role": "user", "content": "hi"}]},
}


@dataclass
class ProviderInMemory:
    """Implements `providers.port.Upstream`: some hosts fail, the others answer. Remembers who was asked for what."""

    failing: frozenset[str]
    asked: list[tuple[str, str]] = field(default_factory=list)

    async def send(self, call: UpstreamCall) -> AnswerInMemory:
        host = call.url.removeprefix("https://").partition(".")[0]
        assert call.body is not None
        self.asked.append((host, json.loads(call.body)["model"]))
        return AnswerInMemory(500 if host in self.failing else 200)

    async def close(self) -> None:
        """Nothing to close."""


@dataclass
class AnswerInMemory:
    """Implements `providers.port.UpstreamAnswer`."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)

    async def read(self, bytes_max: int) -> bytes:
        return json.dumps(ANSWER).encode()

    async def chunks(self) -> AsyncIterator[bytes]:
        yield b""

    async def close(self) -> None:
        """Nothing to close."""


class AnyCredential:
    """Implements `credentials.Credentials`."""

    def fresh(self, name: str) -> str | None:
        return "credential"

    def read(self, name: str) -> str:
        return "credential"

    def forget(self, name: str) -> None:
        """Nothing to forget."""


@dataclass(frozen=True)
class Policy:
    """One random deployment: a key of one wallet, that wallet's catalog, and the channels that fail."""

    kind: WalletKind
    key: Key
    token: str
    catalog: Catalog
    failing: frozenset[str]


def random_policy(chance: random.Random) -> Policy:
    """Few names, so that everything meets everything."""
    kind = chance.choice(list(WalletKind))

    def some(names: tuple[str, ...], least: int = 0) -> tuple[str, ...]:
        return tuple(chance.sample(names, chance.randint(least, len(names))))

    def channel(name: str) -> Channel:
        own = [kind_ for kind_ in ChannelKind if kind_.wallet is kind and kind_ is not ChannelKind.POOL]
        costs = {model: UnitPrices(*(chance.choice([0, 1, 10**12]) for _ in range(4))) for model in some(MODELS)}
        return Channel(
            name,
            chance.choice([*own * 4, ChannelKind.OFFICIAL, ChannelKind.STANDARD]),
            name,
            chance.choice(PROTOCOLS),
            HOST.format(name),
            "secret",
            {model: f"{model}-at-{name}" for model in some(MODELS, 1)},
            enabled=chance.random() < 0.9,
            costs=Costs(chance.choice([CURRENCY[kind], "EUR"]), costs) if chance.random() < 0.3 else None,
        )

    def prices() -> tuple[Price, ...]:
        currency = chance.choice([CURRENCY[kind]] * 4 + ["EUR"])
        starts_ms = chance.choice([0, 0, 0, NOW_MS * 2])
        return tuple(
            replace(PRICE, version=v, currency=currency, effective_at_ms=starts_ms) for v in some(("1", "2"), 1)
        )

    def model(name: str) -> Model:
        sold = tuple(chance.sample(list(Endpoint), chance.randint(0, len(Endpoint))))
        return replace(MODEL, model_id=name, enabled=chance.random() < 0.9, endpoints=sold)

    made = mint(
        ACCOUNT,
        KeyKind(kind.value),
        "test",
        now_ms=NOW_MS,
        allowed_models=frozenset(some(MODELS)) if chance.random() < 0.3 else None,
    )
    catalog = Catalog(
        kind,
        models={name: model(name) for name in some(MODELS, 2)},
        prices={name: prices() for name in some(MODELS, 2)},
        channels={name: channel(name) for name in some(CHANNELS, 2)},
        routes={name: Route(name, some(CHANNELS, 1)) for name in some(MODELS, 2)},
    )
    return Policy(kind, made.key, made.token, catalog, frozenset(some(CHANNELS)))


class OneCatalog:
    """Implements `catalog.CatalogReader` and `identity.KeyReader`. Asking for the other wallet's catalog is the fault."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    def read_catalog(self, kind: WalletKind) -> Catalog:
        assert kind is self._policy.kind
        return self._policy.catalog

    def read_key(self, account_id: str, key_id: str) -> Key | None:
        return self._policy.key if key_id == self._policy.key.key_id else None


async def check(policy: Policy, seen: Counter[str]) -> None:
    """Listing, quote and call agree on every model; whoever was called was allowed to be."""
    clock, store, provider = ShiftedClock(), SimulatedLedgerStore(), ProviderInMemory(policy.failing)
    books, reader = Books(store, clock), OneCatalog(policy)
    for kind, currency in CURRENCY.items():
        store.open_wallet(Wallet(ACCOUNT, kind, currency))
        Balances(books).top_up(
            ACCOUNT, kind, Money(10**12, currency), order_id=f"ord_01{kind.value[0] * 24}".replace("o", "0"), source="t"
        )
    other = store.read_wallet(ACCOUNT, next(kind for kind in WalletKind if kind is not policy.kind))
    kept = CircuitsInMemory()
    circuits = Circuits(kept, clock)
    gateway = Gateway(
        authenticator=Authenticator(reader, store, clock),
        catalogs=CatalogCache(reader, clock),
        settlement=Settlement(books),
        limiter=Limiter(NoLimits(), clock),
        router=Router(circuits, Pools(SimulatedPoolStore(), clock, slot_lifetime_s=900), clock),
        attempts=Attempts(provider, AnyCredential(), WIRES, TimeLimits(), clock, loopback_allowed=False),
        clock=clock,
    )
    authorization = f"Bearer {policy.token}"
    identity = await gateway.identify(authorization)
    listed = {offer.model.model_id: offer for offer in await gateway.offers(identity)}
    for model, endpoint in product(MODELS, Endpoint):
        request = PARSERS[endpoint]({"model": model, **BODIES[endpoint]})
        is_listed = model in listed and endpoint in listed[model].endpoints
        provider.asked.clear()
        # Circuits have tests of their own: each call here finds all of them closed.
        kept.circuits.clear()
        circuits.refresh()
        try:
            quoted = await gateway.quote(identity, request)
        except ForgeError as refusal:
            assert not is_listed
            with pytest.raises(type(refusal)) as raised:
                await gateway.infer(authorization, request, clock.now_ms() + 60_000)
            assert raised.value.body() == refusal.body()  # noqa: PT017 - two errors are compared
            assert provider.asked == []
            if isinstance(refusal, EndpointNotServed):
                assert model in listed
                seen["another endpoint"] += 1
            else:
                assert model not in listed
                seen[refusal.error_class.value] += 1
            continue
        assert is_listed
        carrying = tuple(one for one in listed[model].channels if one.protocol in CARRIERS[endpoint])
        assert quoted.offer == replace(listed[model], channels=carrying) and carrying
        allowed = [(channel.channel_id, channel.models[model]) for channel in carrying]
        try:
            answer: Any = await gateway.infer(authorization, request, clock.now_ms() + 60_000)
        except NoHealthyRoute:
            assert provider.asked == allowed and {name for name, _ in allowed} <= policy.failing
            seen["all failed"] += 1
        else:
            assert isinstance(answer, Answer)
            assert provider.asked == allowed[: len(provider.asked)]
            assert Money.parse(answer.body["forge_receipt"]["charge"], "USD").nano <= quoted.max_charge_nano
            seen["backup" if len(provider.asked) > 1 else "primary"] += 1
            seen[f"{endpoint.value} over {carrying[len(provider.asked) - 1].protocol}"] += 1
    assert store.read_wallet(ACCOUNT, other.kind if other else policy.kind) == other, "the other wallet is untouched"


def run(policies: int) -> Counter[str]:
    """Check random policies, and insist that every answer came up."""
    seen: Counter[str] = Counter()

    async def all_of_them() -> None:
        for seed in range(policies):
            await check(random_policy(random.Random(seed)), seen)

    asyncio.run(all_of_them())
    must = {"primary", "backup", "all failed", "pricing", "routing", "key_permission", "model_availability"}
    must |= {"another endpoint"} | {f"{endpoint.value} over {protocol}" for endpoint, protocol in WIRES}
    assert must <= set(seen), "the policies never gave these"
    return seen


def test_listing_quote_and_call_agree() -> None:
    run(300)


@pytest.mark.proof
def test_listing_quote_and_call_agree_for_ten_thousand_policies() -> None:
    print(f"policies: 10,000 random ones, {dict(run(10_000))}")
