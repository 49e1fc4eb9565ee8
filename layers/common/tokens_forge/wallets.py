"""Wallets: a balance of one kind in one currency, and why one of them refuses a hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

OPEN_HOLDS_MAX = 200  # one wallet item carries its open holds; this keeps it far below DynamoDB's 400 KB


class WalletKind(StrEnum):
    """The two wallets of an account. Nothing ever crosses from one to the other."""

    OFFICIAL = "official"
    ROUTED = "routed"

    @property
    def label(self) -> str:
        """The name people read, the same in checkout, receipts, statements and errors."""
        return _LABELS[self]


_LABELS = {WalletKind.OFFICIAL: "Official model Credit", WalletKind.ROUTED: "Routed balance"}
OFFICIAL_CURRENCY = "USD"


class WalletStatus(StrEnum):
    """A frozen wallet takes no new hold; open holds still settle."""

    ACTIVE = "active"
    FROZEN = "frozen"


@dataclass(frozen=True, slots=True)
class OpenHold:
    """Amount set aside for one request or run. `limited_key_id` names the key whose spend limit it also uses up.

    `part_of` names the run's hold out of which a step has taken this one: what the step does not spend goes back there.
    """

    hold_id: str
    nano: int
    placed_at_ms: int
    limited_key_id: str | None = None
    part_of: str | None = None


@dataclass(frozen=True, slots=True)
class Wallet:
    """One wallet as it is stored. All amounts are nano of `currency`."""

    account_id: str
    kind: WalletKind
    currency: str
    available_nano: int = 0
    held_nano: int = 0
    credits_total_nano: int = 0
    debits_total_nano: int = 0
    debt_nano: int = 0
    status: WalletStatus = WalletStatus.ACTIVE
    auth_epoch: int = 0
    opened_at_ms: int = 0
    holds: Mapping[str, OpenHold] = field(default_factory=dict)
    key_spend_left_nano: Mapping[str, int] = field(default_factory=dict)

    def check(self) -> None:
        """The rules that hold for every stored wallet at every moment."""
        assert self.available_nano >= 0, "available is never negative"
        assert self.debt_nano >= 0, "a debt is owed, never a credit"
        assert self.held_nano == sum(hold.nano for hold in self.holds.values()), "held is the sum of the open holds"
        assert self.balance_nano == self.credits_total_nano - self.debits_total_nano, "balance is credits less debits"
        assert all(left >= 0 for left in self.key_spend_left_nano.values()), "a key never spends past its limit"

    @property
    def balance_nano(self) -> int:
        """What the wallet owns: available and held together. A debt is owed, and shown beside it."""
        return self.available_nano + self.held_nano - self.debt_nano


@dataclass(frozen=True, slots=True)
class HoldRequest:
    """What one conditional update of the wallet asks for. With `part_of` it comes out of that open hold, not of the available."""

    account_id: str
    kind: WalletKind
    currency: str
    hold_id: str
    nano: int
    auth_epoch: int
    placed_at_ms: int
    limited_key_id: str | None = None
    open_holds_max: int = OPEN_HOLDS_MAX
    part_of: str | None = None

    def __post_init__(self) -> None:
        assert self.nano > 0, "a hold sets something aside"
        assert self.part_of != self.hold_id, "a part is another hold than the whole"


class HoldRefusal(StrEnum):
    """Why a wallet refused a hold, most telling reason first."""

    NO_WALLET = "no_wallet"
    ALREADY_HELD = "already_held"
    CURRENCY = "currency"
    FROZEN = "frozen"
    AUTH_EPOCH = "auth_epoch"
    RUN_ENDED = "run_ended"
    RUN_SPENT = "run_spent"
    KEY_SPEND_LIMIT = "key_spend_limit"
    INSUFFICIENT = "insufficient"
    TOO_MANY_HOLDS = "too_many_holds"


def why_refused(wallet: Wallet | None, request: HoldRequest) -> HoldRefusal | None:
    """The reason for which `request` fails on `wallet` as it stood, or None when it would have passed.

    The same conditions as the store's conditional update, so the old item alone says why: no second read is needed.
    """
    if wallet is None:
        return HoldRefusal.NO_WALLET
    if request.hold_id in wallet.holds:
        return HoldRefusal.ALREADY_HELD
    if wallet.currency != request.currency:
        return HoldRefusal.CURRENCY
    if wallet.status is not WalletStatus.ACTIVE:
        return HoldRefusal.FROZEN
    if wallet.auth_epoch != request.auth_epoch:
        return HoldRefusal.AUTH_EPOCH
    if request.part_of is not None:
        whole = wallet.holds.get(request.part_of)
        if whole is None:
            return HoldRefusal.RUN_ENDED
        if whole.nano < request.nano:
            return HoldRefusal.RUN_SPENT
    else:
        limited = request.limited_key_id
        if limited is not None and wallet.key_spend_left_nano.get(limited, -1) < request.nano:
            return HoldRefusal.KEY_SPEND_LIMIT
        if wallet.available_nano < request.nano:
            return HoldRefusal.INSUFFICIENT
    if len(wallet.holds) >= request.open_holds_max:
        return HoldRefusal.TOO_MANY_HOLDS
    return None
