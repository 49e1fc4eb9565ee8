"""What requests cost in DynamoDB, counted call by call: serial round trips and write units, with the accounting on."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import httpx2 as httpx

from bench.figures import Figures
from tests.support.calls import record
from tests.support.deployment import Deployment, deploy
from tests.support.http import Api, chat_body
from tests.support.moto_engine import moto_engine
from tests.support.server import serve
from tests.support.upstream import Upstream
from tokens_forge.keys import KeyKind, KeyLimits
from tokens_forge.wallets import WalletKind

UNITS_MAX, TRIPS_MAX = 6, 3  # of a request that carries no mark of a retry
RETRY_MARK = {"x-stainless-retry-count": "0"}  # what official clients send with every request


def main() -> int:
    """0 when every target is met."""
    figures = Figures("store calls")
    with moto_engine() as engine, Upstream() as upstream:
        client = engine.client()
        deployment = deploy(engine, upstream.base_url, client=client)
        for kind in WalletKind:
            deployment.fund(kind, "100")

        def count(what: str, api: Api, ask: Callable[[Api], Any], *, has_target: bool) -> None:
            ask(api)  # key, catalog and circuits are in their caches from now on
            with record(client, observer=engine.client()) as calls:
                ask(api)
            figures.say(f"{what}, serial round trips", calls.round_trips, "", TRIPS_MAX if has_target else None)
            figures.say(f"{what}, write units", calls.write_units, "", UNITS_MAX if has_target else None)

        with serve(deployment.app, lifespan="on") as url:
            for name, key in _keys(deployment).items():
                api, is_plain = Api(url + "/v1", key), "limits" not in name
                count(f"a chat call, {name}", api, lambda api: api.chat(), has_target=is_plain)
                count(f"a stream, {name}", api, lambda api: api.stream(), has_target=is_plain)
            api = Api(url + "/v1", deployment.key())
            count("a chat call of an official client", api, _marked, has_target=False)
    return figures.end()


def _marked(api: Api) -> httpx.Response:
    body = {**chat_body(), "seed": time.perf_counter_ns()}  # else it would be a retry of the one before
    return httpx.post(
        f"{api.base_url}/chat/completions", headers={**api.headers(), **RETRY_MARK}, json=body, timeout=30
    )


def _keys(deployment: Deployment) -> dict[str, str]:
    return {
        "official": deployment.key(),
        "routed": deployment.key(KeyKind.ROUTED),
        "official key with limits": deployment.key(limits=KeyLimits(1_000, 10_000_000, 100)),
    }


if __name__ == "__main__":
    sys.exit(main())
