"""Answers about accounts and what moves their money, as types: adjustments, orders, refunds."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, with_config
from typing_extensions import TypedDict

from functions.proxy.document.account import Receipt, Wallet
from functions.web.shapes import Amount, Currency, Moment
from tokens_forge.admin.keys import Scope
from tokens_forge.admin.moves import MoveState
from tokens_forge.checkout.orders import OrderState, TakingKind, TakingState
from tokens_forge.wallets import WalletKind


class Account(TypedDict):
    """An account, without its wallets."""

    object: Literal["account"]
    id: str
    name: str
    cash_currency: Currency
    created_at: Moment


class AccountWithWallets(Account):
    """An account with both wallets, side by side and never summed."""

    wallets: list[Wallet]


class ReceiptOfAccount(Receipt):
    """A receipt, and whose it is."""

    account_id: str


class Move(TypedDict):
    """What moves money once, and how far it has come. `entry_id` is there once it is posted."""

    id: str
    wallet: WalletKind
    wallet_label: str
    account_id: str
    amount: Amount
    currency: Currency
    reason: str
    state: MoveState
    requested_by: str
    requested_at: Moment
    decided_by: str | None
    entry_id: str | None


class Adjustment(Move):
    """An amount above zero adds to the wallet, one below takes."""

    object: Literal["adjustment"]


class Refund(Move):
    """A part of an order that goes back to its buyer. The order knows it as `taking_id`."""

    object: Literal["refund"]
    order_id: str
    taking_id: str


class Taking(TypedDict):
    """What was taken back of an order: a refund, or a dispute."""

    id: str
    kind: TakingKind
    amount: Amount
    state: TakingState
    entry_id: str | None


class Order(TypedDict):
    """One purchase of balance, and what is left of it to refund."""

    object: Literal["order"]
    id: str
    wallet: WalletKind
    wallet_label: str
    currency: Currency
    amount: Amount
    state: OrderState
    created_at: Moment
    provider: str
    key_id: str
    entry_id: str | None
    taken_back: Amount
    takings: list[Taking]
    account_id: str
    payment: str | None
    refundable: Amount


@with_config(ConfigDict(extra="allow"))
class TrailLine(TypedDict):
    """Something that happened to an order. What else it says depends on `what`."""

    at: Moment
    what: str


class OrderWithTrail(Order):
    """An order with everything that happened to it, oldest first."""

    trail: list[TrailLine]


class AdminKey(TypedDict):
    """An admin key. Its secret is shown where it is made, and nowhere else."""

    object: Literal["admin_key"]
    id: str
    name: str
    scopes: list[Scope]
    status: Literal["active", "expired", "revoked"]
    created_at: Moment
    expires_at: Moment
    made_by: str
