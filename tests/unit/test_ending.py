"""The end of a request on a slow store: the client is told what was charged."""

from __future__ import annotations

import asyncio

from tests.unit.builders import NOW_MS, PRICE
from tests.unit.settlement_bench import ACCOUNT, DOLLAR, FixedClock, intent, outcome
from tokens_forge.ending import Ending
from tokens_forge.journal import Entry, EntryType, SettlementReason
from tokens_forge.pricing import Usage, price_usage
from tokens_forge.settlement import Books, Settlement
from tokens_forge.store.port import PostAnswer, Take, WalletChange
from tokens_forge.store.simulated import SimulatedLedgerStore
from tokens_forge.wallets import Wallet, WalletKind


class Overtaken(SimulatedLedgerStore):
    """A late charge is refused, and then an earlier copy of it, thought lost, finds the money after all."""

    def post(self, entry: Entry, change: WalletChange) -> PostAnswer:
        answer = super().post(entry, change)
        if not isinstance(change, Take):
            return answer
        return PostAnswer(posted=False, before=self.read_wallet(ACCOUNT, entry.kind))


def test_a_late_charge_that_arrived_after_all_is_what_the_client_is_told() -> None:
    store = Overtaken()
    funded = Wallet(
        ACCOUNT, WalletKind.OFFICIAL, "USD", available_nano=DOLLAR, credits_total_nano=DOLLAR, opened_at_ms=NOW_MS
    )
    store.open_wallet(funded)
    settlement = Settlement(Books(store, FixedClock()))
    held = settlement.hold(intent(), auth_epoch=0)
    settlement.void(held, SettlementReason.UPSTREAM_FAILED, ())
    usage = Usage(output=500)
    entry = asyncio.run(Ending(settlement, held).settle(outcome(usage)))
    assert entry is not None and entry.type is EntryType.LATE
    wallet = store.wallets[(ACCOUNT, WalletKind.OFFICIAL)]
    assert -entry.wallet_nano == price_usage(usage, PRICE) == DOLLAR - wallet.available_nano
