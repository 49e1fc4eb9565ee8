"""Nothing blocks the event loop: boto3 and the ledger run in worker threads."""

from __future__ import annotations

import asyncio

from blockbuster import blockbuster_ctx
from httpx2 import ASGITransport, AsyncClient

from tests.support.deployment import Deployment
from tests.support.http import chat_body


def test_a_call_and_its_reading_routes_never_block_the_loop(deployment: Deployment) -> None:
    token = deployment.key()

    async def calls() -> None:
        transport = ASGITransport(app=deployment.app)
        headers = {"authorization": f"Bearer {token}"}
        async with AsyncClient(transport=transport, base_url="http://test", headers=headers) as client:
            for fields in ({}, {"stream": True}):
                answer = await client.post("/v1/chat/completions", json=chat_body(**fields))
                assert answer.status_code == 200
            for path in ("models", "routes", "wallets", "ledger", "receipts", "key"):
                assert (await client.get(f"/v1/{path}")).status_code == 200
        await deployment.services.close()

    with blockbuster_ctx():
        asyncio.run(calls())


def test_the_health_check_never_blocks_the_loop_while_it_waits_for_providers(deployment: Deployment) -> None:
    with blockbuster_ctx():
        report = deployment.look()
    assert report.probes > 0 and len(report.checked) == 2
