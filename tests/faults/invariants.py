"""What must hold: after every stage of every run, and when everything has come to rest."""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache
from typing import Any

from tests.faults.world import Moment, World
from tokens_forge.intents import Intent
from tokens_forge.journal import Entry, EntryType, SettlementReason, book_of, entry_id_of
from tokens_forge.pricing import Usage
from tokens_forge.receipts import receipt, recompute, summary
from tokens_forge.wallets import Wallet, WalletKind, WalletStatus

_ULID = re.compile(r"(?:req|ord|rfd|dsp)_(\w{26})")


def fingerprint(world: World) -> str:
    """Equal for two worlds that go on in the same way. New ids are made each time: they are replaced by numbers."""
    now = world.now()
    whole = repr(
        (now.parts, now.intents, [message.call for message in now.delayed], now.told, now.provider_calls, now.came_late)
    )
    for number, ulid in enumerate(dict.fromkeys(_ULID.findall(whole))):
        whole = whole.replace(ulid, f"#{number}")
    return whole


def check_stage(before: Moment, world: World) -> None:
    """At every moment: nothing written is lost, each wallet keeps its rules and is the fold of its journal."""
    _, journal, *_ = before.parts
    for key, entry in journal.items():
        assert world.store.journal.get(key) == entry, f"entry {entry.entry_id} was changed or removed"
    for minute, bucket in before.intents.items():
        for request_id, record in bucket.items():
            now = world.store.intents[minute][request_id]
            assert now.intent == record.intent and record.outcome in (None, now.outcome), "a recorded outcome was lost"
            if record.outcome is not None or record.checkpoint is not None:
                _check_not_abandoned(record.intent, journal, world)
    for wallet in world.store.wallets.values():
        wallet.check()
        _check_fold(wallet, world)
        assert wallet.status is WalletStatus.ACTIVE, "nobody asked for a frozen wallet"


def check_cancelled(world: World) -> None:
    """A request whose client went away ends itself: no hold waits for the sweeper, unless the journal cannot be reached."""
    assert world.down or not world.wallet().holds, "a cancelled request left its hold to the sweeper"


def _check_not_abandoned(intent: Intent, journal: dict[Any, Any], world: World) -> None:
    """Whoever ends a request whose outcome or checkpoint was recorded before, does not end it for nothing."""
    entry_id = entry_id_of(intent.request_id, EntryType.REQUEST)
    key = (book_of(intent.account_id, intent.kind, entry_id), entry_id)
    ended = world.store.journal.get(key)
    if key not in journal and ended is not None and ended.request is not None:
        for_nothing = ended.request.reason is SettlementReason.ABANDONED and ended.request.usage == Usage()
        assert not for_nothing, "a request was ended for nothing, though it was recorded what it had used"


def check_at_rest(world: World, start: Moment) -> None:
    """When all processes are done and all messages have arrived."""
    entries = list(world.store.journal.values())
    by_id = {entry.entry_id: entry for entry in entries}
    assert len(by_id) == len(entries), "an entry is in two books"
    for wallet in world.store.wallets.values():
        assert not wallet.holds, f"a hold is left: {wallet.holds}"
    _check_trial_balance(entries)
    for bucket in world.store.intents.values():
        for record in bucket.values():
            _check_request(record.intent, by_id)
    for entry in entries:
        _check_receipt(entry)
    wallets, *_ = start.parts
    routed = (next(iter(wallets))[0], WalletKind.ROUTED)
    assert world.store.wallets[routed] == wallets[routed], "the other wallet was touched"
    _check_key_limit(world, entries)
    _check_told(world, by_id)


def _check_fold(wallet: Wallet, world: World) -> None:
    moved = [
        entry.wallet_nano
        for entry in world.store.journal.values()
        if (entry.account_id, entry.kind) == (wallet.account_id, wallet.kind)
    ]
    assert wallet.credits_total_nano == sum(nano for nano in moved if nano > 0), "credits are not those of the journal"
    assert wallet.debits_total_nano == -sum(nano for nano in moved if nano < 0), "debits are not those of the journal"


def _check_trial_balance(entries: list[Entry]) -> None:
    balance: Counter[str] = Counter()
    for entry in entries:
        for posting in entry.postings:
            balance[entry.currency] += posting.nano
    assert not any(balance.values()), f"trial balance: {balance}"


def _check_request(intent: Intent, by_id: dict[str, Entry]) -> None:
    ended = by_id.get(entry_id_of(intent.request_id, EntryType.REQUEST))
    assert ended is not None and ended.request is not None, "a request has no entry"
    assert (ended.account_id, ended.kind) == (intent.account_id, intent.kind)
    assert ended.request.hold_nano <= intent.hold_nano, "more was held than the intent says"
    late = by_id.get(entry_id_of(intent.request_id, EntryType.LATE))
    if late is not None:
        assert late.request is not None and late.request.hold_nano <= intent.hold_nano
        assert not ended.wallet_nano, "a request was charged, and then again as a late one"


@lru_cache(maxsize=4096)
def _check_receipt(entry: Entry) -> None:
    facts = entry.request
    if facts is None:
        return
    view = receipt(entry)
    assert recompute(view) == view["charge"], "a receipt does not recompute"
    assert 0 <= facts.charge_nano <= facts.hold_nano
    assert facts.usage == Usage() or facts.charge_nano + facts.uncharged_nano > 0


def _check_key_limit(world: World, entries: list[Entry]) -> None:
    """What a limited key has left is its limit without what its requests were charged; late ones are not bound by it."""
    if world.key_limit_nano is None:
        return
    charged_nano = -sum(entry.wallet_nano for entry in entries if entry.type is EntryType.REQUEST)
    assert list(world.wallet().key_spend_left_nano.values()) == [world.key_limit_nano - charged_nano]


def _check_told(world: World, by_id: dict[str, Entry]) -> None:
    """What a caller was told stands in the journal, word for word."""
    for told in world.told:
        if isinstance(told, Entry):
            assert by_id.get(told.entry_id) == told, "a caller was told of an entry that is not there"
        if isinstance(told, dict) and "entry_id" in told:
            assert summary(by_id[told["entry_id"]]) == told, "a client has another receipt than the journal"


def charged_nano(world: World) -> int:
    """What the requests of this world were charged, late entries included."""
    return -sum(entry.wallet_nano for entry in world.store.journal.values() if entry.request is not None)
