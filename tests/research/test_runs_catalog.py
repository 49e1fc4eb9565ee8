"""What becomes of a run whose model is no longer sold as it was when the run began."""

from __future__ import annotations

from dataclasses import replace

import pytest

from local import demo
from tests.research.provider import Provider
from tests.research.runs_bench import ASKED, TEXT, research_on
from tests.support.deployment import Deployment
from tokens_forge.catalog import Route
from tokens_forge.wallets import WalletKind


@pytest.mark.parametrize("gone", ["price", "route", "dearer"])
def test_a_price_or_route_that_is_gone_ends_the_run_before_the_step_is_sent(deployment: Deployment, gone: str) -> None:
    provider = Provider(TEXT)
    with research_on(deployment, provider=provider) as research:
        run_id = research.begin()
        research.call({"action": "prepare", "run": research.given(run_id)})
        research.step(run_id, "price_analyst")
        catalogs, model = research.deployment.catalogs, ASKED["models"]["quick"]
        price = demo.prices(WalletKind.OFFICIAL, "CNY")[model]
        if gone == "route":
            catalogs.put_route(WalletKind.OFFICIAL, Route(model, ()))
        elif gone == "dearer":
            dear = replace(
                price, version="demo-2", unit_prices=replace(price.unit_prices, output=10**10), effective_at_ms=1
            )
            catalogs.put_price(WalletKind.OFFICIAL, model, dear)
        else:
            catalogs.put_price(WalletKind.OFFICIAL, model, replace(price, currency="EUR"))
        assert research.step(run_id, "news_analyst") == "skipped"
        research.call({"action": "finish", "run": research.given(run_id)})
        reasons = {"price": "model_not_found", "route": "no_route", "dearer": "estimate_exceeded"}
        assert research.show(run_id)["reason"] == reasons[gone]
        assert provider.asked == 1
        research.check_books(run_id)
