"""The answer of a quote, as a type."""

from __future__ import annotations

from typing import Literal, NotRequired

from typing_extensions import TypedDict

from functions.proxy.document.account import Wallet
from functions.proxy.document.prices import Price, Route
from functions.web.shapes import Amount, Count, Currency, Problem
from tokens_forge.endpoints import Endpoint
from tokens_forge.wallets import WalletKind


class QuoteBound(TypedDict):
    """The most tokens that the request can count."""

    input_tokens: Count
    output_tokens: Count


class Quote(TypedDict):
    """What a request would cost. When a call would be refused, `callable` is false and `error` is the refusal; a refusal by policy
    leaves out everything from `currency` on."""

    object: Literal["quote"]
    endpoint: Endpoint
    model: str
    wallet: WalletKind
    wallet_label: str
    balance: Wallet | None
    callable: bool
    error: NotRequired[Problem]
    currency: NotRequired[Currency]
    price: NotRequired[Price]
    route: NotRequired[Route]
    bound: NotRequired[QuoteBound]
    output_limited_by_balance: NotRequired[bool]
    affordable_output_tokens: NotRequired[Count]
    max_charge: NotRequired[Amount]
    typical_charge: NotRequired[Amount]
    available_after_max_charge: NotRequired[Amount]
    available_after_typical_charge: NotRequired[Amount]
