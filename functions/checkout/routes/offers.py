"""GET /v1/checkout/offers: what each wallet buys, in which currency, which models at which price, before anything is paid."""

from __future__ import annotations

from typing import Any

from anyio import to_thread
from fastapi import APIRouter

from functions.checkout.services import Caller, Served, Services
from functions.checkout.views import offer_view
from tokens_forge.identity import Identity
from tokens_forge.money import decimal
from tokens_forge.policy import Offer, wallet_offers
from tokens_forge.views import wallet_view
from tokens_forge.wallets import WalletKind

router = APIRouter()


@router.get("/v1/checkout/offers")
async def list_offers(caller: Caller, served: Served) -> dict[str, Any]:
    """Both wallets of the account, side by side."""
    return {
        "object": "list",
        "account_id": caller.account_id,
        "data": [await to_thread.run_sync(_wallet_offer, served, caller, kind) for kind in WalletKind],
    }


def _wallet_offer(served: Services, caller: Identity, kind: WalletKind) -> dict[str, Any]:
    wallet = served.checkout.wallet(caller.account_id, kind)
    limits = served.checkout.limits.get(wallet.currency)
    words = wallet_view(wallet)
    return {
        "object": "checkout_offer",
        **{name: words[name] for name in ("wallet", "label", "pays_for", "currency", "available", "balance")},
        # What the next order pays first: balance that was spent before its payment went back.
        "debt": decimal(wallet.debt_nano),
        "least": str(limits.least) if limits is not None else None,
        "most": str(limits.most) if limits is not None else None,
        "may_order": caller.key.kind.wallet in (None, kind),
        "models": [offer_view(offer) for offer in what_it_buys(served, kind, wallet.currency)],
    }


def what_it_buys(served: Services, kind: WalletKind, currency: str) -> list[Offer]:
    """The models that a wallet's balance buys, by the policy that lists and serves them."""
    return wallet_offers(served.catalog(kind), currency, served.clock.now_ms())
