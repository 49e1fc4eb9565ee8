"""The real gateway on a ledger in memory: what a benchmark measures is the gateway, not a database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType

from tests.support.circuits import CircuitsInMemory
from tests.support.deployment import KnownCredentials
from tests.support.limits import NoLimits
from tokens_forge.attempts import Attempts, TimeLimits
from tokens_forge.catalog import Catalog, CatalogCache, Model, Route
from tokens_forge.channels import Channel, ChannelKind
from tokens_forge.circuits import Circuits
from tokens_forge.clock import SystemClock
from tokens_forge.endpoints import OPENAI, Endpoint
from tokens_forge.gateway import Gateway, StreamAnswer
from tokens_forge.identity import Authenticator
from tokens_forge.ids import new_id
from tokens_forge.keys import Key, KeyKind, mint
from tokens_forge.limits import Limiter
from tokens_forge.money import Money
from tokens_forge.pools import Pools
from tokens_forge.pricing import Price, UnitPrices
from tokens_forge.providers.http import HttpUpstream
from tokens_forge.providers.wires import WIRES
from tokens_forge.requests.chat import parse_chat
from tokens_forge.routing import Router
from tokens_forge.settlement import Balances, Books, Settlement
from tokens_forge.store.simulated import SimulatedLedgerStore
from tokens_forge.store.simulated_pools import SimulatedPoolStore
from tokens_forge.wallets import Wallet, WalletKind

ACCOUNT = "acc_0123456789ab"
PRICE = Price("bench", "USD", UnitPrices(150_000_000, 75_000_000, 150_000_000, 600_000_000))


class OneGateway:
    """A gateway whose models are routes: model name to base URLs, primary first. One funded account, one official key.

    Channels speak OpenAI's protocol, or the one that `protocols` names for a model.
    """

    def __init__(
        self, routes: Mapping[str, Sequence[str]], protocols: Mapping[str, str] | None = None, **limits: float
    ) -> None:
        clock, self.store = SystemClock(), SimulatedLedgerStore()
        channels, catalog_routes = {}, {}
        for model, urls in routes.items():
            protocol = (protocols or {}).get(model, OPENAI)
            names = [f"{model}-{position}" for position in range(len(urls))]
            for name, url in zip(names, urls, strict=True):
                channels[name] = Channel(name, ChannelKind.OFFICIAL, name, protocol, url, "secret", {model: model})
            catalog_routes[model] = Route(model, tuple(names))
        self._catalog = Catalog(
            WalletKind.OFFICIAL,
            models={model: Model(model, "bench", 0, 8_000, 1_000, endpoints=tuple(Endpoint)) for model in routes},
            prices=dict.fromkeys(routes, (PRICE,)),
            channels=channels,
            routes=catalog_routes,
        )
        made = mint(ACCOUNT, KeyKind.OFFICIAL, "bench", now_ms=clock.now_ms())
        self._key, self.authorization, self.clock = made.key, f"Bearer {made.token}", clock
        books = Books(self.store, clock)
        self.store.open_wallet(Wallet(ACCOUNT, WalletKind.OFFICIAL, "USD", opened_at_ms=clock.now_ms()))
        order_id = new_id("ord", clock.now_ms())
        Balances(books).top_up(ACCOUNT, WalletKind.OFFICIAL, Money(10**15, "USD"), order_id=order_id, source="bench")
        self.settlement = Settlement(books)
        self.gateway = Gateway(
            authenticator=Authenticator(self, self.store, clock),
            catalogs=CatalogCache(self, clock),
            settlement=self.settlement,
            limiter=Limiter(NoLimits(), clock),
            router=Router(
                Circuits(CircuitsInMemory(), clock), Pools(SimulatedPoolStore(), clock, slot_lifetime_s=900), clock
            ),
            attempts=Attempts(
                HttpUpstream(), KnownCredentials(), WIRES, TimeLimits(**limits), clock, loopback_allowed=True
            ),
            clock=clock,
        )

    def __enter__(self) -> OneGateway:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        wallet = self.store.read_wallet(ACCOUNT, WalletKind.OFFICIAL)
        assert wallet is not None and not wallet.holds, "a benchmark leaves no hold behind"

    def read_catalog(self, kind: WalletKind) -> Catalog:
        """Implements `catalog.CatalogReader`."""
        assert kind is WalletKind.OFFICIAL
        return self._catalog

    def read_key(self, account_id: str, key_id: str) -> Key | None:
        """Implements `identity.KeyReader`."""
        return self._key if key_id == self._key.key_id else None

    async def chat(self, model: str, *, stream: bool) -> int:
        """One answered request; the bytes or events that it gave."""
        request = parse_chat({"model": model, "messages": [{"role": "user", "content": "hi"}], "stream": stream})
        answer = await self.gateway.infer(self.authorization, request, self.clock.now_ms() + 60_000)
        if not isinstance(answer, StreamAnswer):
            return len(answer.body)
        count = 0
        async for _ in answer.stream.events():
            count += 1
        await answer.stream.close()
        return count
