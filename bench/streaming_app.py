"""The inference routes of the application, to be measured from outside: `python -m bench.streaming_app PORT PROVIDER_URL`.

Real routes, gateway, HTTP and event loop; the ledger is in memory, and what retry safety keeps is packed and thrown away. Its
models are named after the protocol that their channel speaks. `GET /measured` gives the CPU time of this process and the key.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import Any

import uvicorn
from fastapi import FastAPI

from bench.gateways import OneGateway
from functions.proxy.routes import chat, completions, messages, responses
from functions.proxy.time_left import Deadlines
from functions.web.application import application
from tests.support.processes import LOOPBACK
from tokens_forge.endpoints import ANTHROPIC, OPENAI
from tokens_forge.gateway import Gateway
from tokens_forge.retries.service import RetrySafety
from tokens_forge.store.claims import AnswerBucket, DynamoClaimStore


class ForgetsEverything:
    """An AWS client for claims and answers that nobody will ask for."""

    def put_item(self, **_: Any) -> None: ...

    def update_item(self, **_: Any) -> None: ...

    def put_object(self, **_: Any) -> None: ...


@dataclass(frozen=True)
class InferenceServices:
    """What inference routes ask of `functions.proxy.services.Services`."""

    gateway: Gateway
    inference: RetrySafety
    deadlines: Deadlines


def measured_app(provider_url: str) -> FastAPI:
    """The application in front of one provider."""
    protocols = (OPENAI, ANTHROPIC)
    one = OneGateway({name: [provider_url] for name in protocols}, {name: name for name in protocols})
    claims = DynamoClaimStore(ForgetsEverything(), "state", AnswerBucket(ForgetsEverything, "answers"))
    inference = RetrySafety(one.gateway, claims, one.settlement, one.clock)
    routers = [routes.router for routes in (chat, completions, messages, responses)]
    services = InferenceServices(one.gateway, inference, Deadlines(one.clock, 60, in_lambda=False))
    app = application("Throughput", routers, services)

    @app.get("/measured")
    async def measured() -> dict[str, Any]:
        return {"cpu_ns": time.process_time_ns(), "authorization": one.authorization}

    return app


if __name__ == "__main__":
    port, url = sys.argv[1:]
    uvicorn.run(measured_app(url), host=LOOPBACK, port=int(port), lifespan="off", access_log=False, log_level="warning")
