"""The words in which the cases speak to both stores."""

from __future__ import annotations

from typing import Any, NamedTuple

from tests.conformance.builders import ACCOUNT, CURRENCY, OFFICIAL, ROUTED, hold_request, receipt, top_up
from tests.conformance.stores import StoreUnderTest
from tests.conformance.twin import Twin
from tests.unit.builders import NOW_MS
from tokens_forge.journal import Entry
from tokens_forge.store.port import CloseHold, Credit, PostAnswer, Take
from tokens_forge.wallets import HoldRequest, OpenHold, Wallet, WalletKind


class Amounts(NamedTuple):
    """What a wallet says of its money, in nano."""

    available: int = 0
    held: int = 0
    debt: int = 0
    credits: int = 0
    debits: int = 0


class Ledger(Twin):
    """Both stores, with the shortest way to say what most cases do. `funded` starts with 1,000 nano in both wallets."""

    @classmethod
    def funded(cls, tested: StoreUnderTest) -> Ledger:
        made = cls(tested)
        with made.unwatched():
            for kind in (OFFICIAL, ROUTED):
                assert made.open_wallet(Wallet(ACCOUNT, kind, CURRENCY[kind], opened_at_ms=NOW_MS))
                assert made.credit(1000, kind=kind) == PostAnswer(posted=True)
        return made

    def wallet(self, kind: WalletKind = OFFICIAL) -> Wallet:
        """The wallet as it stands."""
        wallet = self.read_wallet(ACCOUNT, kind)
        assert wallet is not None
        return wallet

    def amounts(self, kind: WalletKind = OFFICIAL) -> Amounts:
        """The wallet's money."""
        wallet = self.wallet(kind)
        return Amounts(
            wallet.available_nano,
            wallet.held_nano,
            wallet.debt_nano,
            wallet.credits_total_nano,
            wallet.debits_total_nano,
        )

    def held(self, nano: int, **changes: Any) -> HoldRequest:
        """A hold that stands."""
        request = hold_request(nano, **changes)
        assert self.place_hold(request).placed
        return request

    def close(self, hold: HoldRequest, charge_nano: int = 0, entry: Entry | None = None) -> PostAnswer:
        """End the request of a hold."""
        return self.post(entry or receipt(hold, charge_nano), closing(hold, charge_nano))

    def credit(self, nano: int, pays: int = 0, **changes: Any) -> PostAnswer:
        """Bring money in."""
        return self.post(top_up(nano, **changes), Credit(nano, pays))

    def take(self, nano: int, owed: int = 0, **changes: Any) -> PostAnswer:
        """Take money out."""
        return self.post(top_up(-nano, **changes), Take(nano, owed))

    def owing(self, nano: int) -> None:
        """Make the official wallet owe `nano`, with nothing available."""
        assert self.take(1000 + nano, nano).posted
        assert self.amounts() == Amounts(debt=nano, credits=1000, debits=1000 + nano)


def closing(hold: HoldRequest, charge_nano: int = 0) -> CloseHold:
    """The wallet change that ends a hold."""
    return CloseHold(hold.hold_id, hold.nano, charge_nano, hold.limited_key_id, hold.part_of)


def open_hold(hold: HoldRequest) -> OpenHold:
    """A hold as its wallet shows it."""
    return OpenHold(hold.hold_id, hold.nano, hold.placed_at_ms, hold.limited_key_id, hold.part_of)
