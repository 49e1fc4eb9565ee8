"""Reconciliation: the books prove themselves. Whatever does not fit raises an alarm, and freezes its wallet if money may be wrong.

- a wallet is the fold of its journal, credits and debits apart, and keeps its own rules
- every entry balances, every receipt recomputes, every reversal has its original
- every old intent has exactly one entry and no open hold, and every such entry has its intent; the hold of a research run is no
  request's, and stays open until its run has ended, or as long as one may take
- every account has both wallets
- every paid order has its entry and every entry of a payment provider's its order, also for what was taken back
- the operator's own book is part of the trial balance

It also ends what the sweeper cannot see any more: an intent or a hold that came after the sweeper's visit, because its message was
late or because the gateway's clock was slow. That is nobody's fault who owns a wallet, so it freezes none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from tokens_forge.checkout.books import OrderBooks
from tokens_forge.clock import Clock
from tokens_forge.ids import DAY_MS, day_of, minute_of, time_ms_of, time_ms_of_minute
from tokens_forge.journal import OPERATOR, Entry, EntryType, SettlementReason, entry_id_of
from tokens_forge.pricing import charge_nano
from tokens_forge.settlement import Settlement
from tokens_forge.settlement.runs import RUN_HOLD_AGE_MAX_MS, is_of_a_run
from tokens_forge.store.port import IntentRecord, LedgerStore, Unreadable
from tokens_forge.sweeper import CURSOR, CursorStore
from tokens_forge.wallets import OpenHold, Wallet, WalletKind

MINUTE_MS = 60_000
Journals = dict[tuple[str, WalletKind], set[str]]  # entry ids of each wallet that was read at rest
READS_MAX = 3  # of a wallet that is in use meanwhile
# These say nothing about a balance. A charge whose entry is gone shows in the wallet's totals as well, and that freezes it.
FREEZE_NOTHING = frozenset({"intent_without_entry", "wallet_missing"})


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that does not fit. `subject` is an entry, intent or hold id."""

    problem: str
    account_id: str
    kind: WalletKind
    subject: str
    detail: str = ""


@dataclass(slots=True)
class Reconciled:
    """What one run saw. `balances` sums the postings per currency and book account, in nano."""

    started_at_ms: int
    wallets: int = 0
    entries: int = 0
    intents: int = 0
    busy: int = 0
    balances: dict[str, Counter[str]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


class Reconciliation:
    """Checks all books. Its methods block."""

    def __init__(
        self,
        store: LedgerStore,
        settlement: Settlement,
        accounts: Callable[[], Iterable[str]],
        cursors: CursorStore,
        orders: OrderBooks,
        clock: Clock,
        *,
        window_s: int,
    ) -> None:
        self._store = store
        self._settlement = settlement
        self._accounts = accounts
        self._cursors = cursors
        self._orders = orders
        self._clock = clock
        self._window_ms = window_s * 1000

    def run(self) -> Reconciled:
        """Check everything once, and freeze each wallet whose money may be wrong."""
        done = Reconciled(self._clock.now_ms())
        # Read first: whatever the sweeper had passed by now has its entry in the journals that are read next.
        cursor = self._cursors.read_cursor(CURSOR)
        journals: Journals = {}
        oldest_ms = done.started_at_ms
        for account_id in self._accounts():
            for kind in WalletKind:
                wallet = self._store.read_wallet(account_id, kind)
                if wallet is None:
                    done.findings.append(Finding("wallet_missing", account_id, kind, account_id))
                else:
                    self._check_wallet(wallet, journals, done)
                    oldest_ms = min(oldest_ms, wallet.opened_at_ms)
        for kind in WalletKind:
            self._check_operator(kind, oldest_ms, done)
        if cursor is not None:
            self._check_intents(time_ms_of_minute(cursor), journals, done)
        for account_id, kind in sorted(_wallets_of(done.findings)):
            self._store.freeze_wallet(account_id, kind)
        return done

    def _check_wallet(self, wallet: Wallet, journals: Journals, done: Reconciled) -> None:
        done.wallets += 1
        for _ in range(READS_MAX):
            entries = list(self._journal(wallet))
            again = self._store.read_wallet(wallet.account_id, wallet.kind)
            assert again is not None, "a wallet is never deleted"
            if (again.credits_total_nano, again.debits_total_nano) == (
                wallet.credits_total_nano,
                wallet.debits_total_nano,
            ):
                journals[(wallet.account_id, wallet.kind)] = {entry.entry_id for entry in entries}
                self._compare(again, entries, done)
                return
            wallet = again
        done.busy += 1  # its turn comes again with the next run

    def _compare(self, wallet: Wallet, entries: list[Entry | Unreadable], done: Reconciled) -> None:
        def found(problem: str, subject: str, detail: str = "") -> None:
            done.findings.append(Finding(problem, wallet.account_id, wallet.kind, subject, detail))

        try:
            wallet.check()
        except AssertionError as broken:
            found("wallet_breaks_a_rule", wallet.account_id, str(broken))
        readable = [entry for entry in entries if isinstance(entry, Entry)]
        for entry in entries:
            if isinstance(entry, Unreadable):
                found("entry_unreadable", entry.entry_id, entry.reason)
        by_id = {entry.entry_id: entry for entry in readable}
        for entry in readable:
            _count(entry, done)
            if entry.currency != wallet.currency and not _was_refused(entry):
                found("entry_in_another_currency", entry.entry_id, entry.currency)
            if not _recomputes(entry):
                found("receipt_does_not_recompute", entry.entry_id)
            if entry.type is EntryType.REVERSAL and not _reverses(entry, by_id.get(entry.reference or "")):
                found("reversal_without_original", entry.entry_id)
        for problem, subject, detail in self._orders.problems(wallet, readable):
            found(problem, subject, detail)
        credits_nano = sum(entry.wallet_nano for entry in readable if entry.wallet_nano > 0)
        debits_nano = -sum(entry.wallet_nano for entry in readable if entry.wallet_nano < 0)
        if credits_nano != wallet.credits_total_nano:
            found("credits_differ", wallet.account_id, f"journal {credits_nano}, wallet {wallet.credits_total_nano}")
        if debits_nano != wallet.debits_total_nano:
            found("debits_differ", wallet.account_id, f"journal {debits_nano}, wallet {wallet.debits_total_nano}")

    def _check_operator(self, kind: WalletKind, since_ms: int, done: Reconciled) -> None:
        for day in self._days(since_ms):
            for entry in self._store.book(OPERATOR, kind, day):
                if isinstance(entry, Entry):
                    _count(entry, done)
                else:
                    done.findings.append(Finding("entry_unreadable", OPERATOR, kind, entry.entry_id, entry.reason))

    def _check_intents(self, until_ms: int, journals: Journals, done: Reconciled) -> None:
        """Intents and entries of the window, both ways, up to where the sweeper has come: what is younger may still run."""
        since_ms = max(until_ms - self._window_ms, 0)
        expected: set[str] = set()
        for minute_ms in range(since_ms, until_ms, MINUTE_MS):
            for record in self._store.minute_intents(minute_of(minute_ms)):
                done.intents += 1
                intent = record.intent
                entry_id = entry_id_of(intent.request_id, EntryType.REQUEST)
                expected.add(entry_id)
                journal = journals.get((intent.account_id, intent.kind))
                if journal is not None and entry_id not in journal:
                    self._end_intent(record, done)
        for (account_id, kind), journal in journals.items():
            for entry_id in sorted(journal - expected):
                ulid, _, entry_type = entry_id.partition(".")
                if entry_type == EntryType.REQUEST.value and since_ms <= time_ms_of(ulid) < until_ms:
                    done.findings.append(Finding("entry_without_intent", account_id, kind, entry_id))
        for wallet in self._store.every_wallet():
            for hold in wallet.holds.values():
                if hold.placed_at_ms < until_ms and not self._end_hold(wallet, hold):
                    done.findings.append(Finding("hold_left_open", wallet.account_id, wallet.kind, hold.hold_id))

    def _end_intent(self, record: IntentRecord, done: Reconciled) -> None:
        """End a request that has no entry though the sweeper has passed. It came late, or somebody has hidden its entry:
        so it is told, and where the wallet does not fit either, nothing is written over what is missing."""
        intent = record.intent
        entry_id = entry_id_of(intent.request_id, EntryType.REQUEST)
        if self._store.read_entry(intent.account_id, intent.kind, entry_id) is not None:
            return  # it ended since its journal was read
        done.findings.append(Finding("intent_without_entry", intent.account_id, intent.kind, intent.request_id))
        if (intent.account_id, intent.kind) not in _wallets_of(done.findings):
            self._settlement.close_abandoned(record)

    def _end_hold(self, wallet: Wallet, hold: OpenHold) -> bool:
        """End a hold that stands though the sweeper has passed; False when that cannot be done. A scan may show a hold that is
        closed by now, and a delayed message may place one again: only what is still there after several looks is left open."""
        if is_of_a_run(hold):
            has_ended = self._store.read_entry(wallet.account_id, wallet.kind, entry_id_of(hold.hold_id, EntryType.RUN))
            if has_ended is not None or hold.placed_at_ms < self._clock.now_ms() - RUN_HOLD_AGE_MAX_MS:
                self._settlement.runs.end(wallet, hold.hold_id)
            return True
        record = self._store.read_intent(hold.hold_id)
        if record is None:
            return self._orders.explains(wallet, hold)
        for _ in range(READS_MAX):
            self._settlement.close_abandoned(record)
            now = self._store.read_wallet(wallet.account_id, wallet.kind)
            assert now is not None, "a wallet is never deleted"
            if hold.hold_id not in now.holds:
                return True
        return False

    def _journal(self, wallet: Wallet) -> Iterator[Entry | Unreadable]:
        for day in self._days(wallet.opened_at_ms):
            yield from self._store.book(wallet.account_id, wallet.kind, day)

    def _days(self, since_ms: int) -> Iterator[str]:
        # A day more at both ends: ids carry the clock of whoever made them.
        for day in range(max(since_ms // DAY_MS - 1, 0), self._clock.now_ms() // DAY_MS + 2):
            yield day_of(day * DAY_MS)


def _count(entry: Entry, done: Reconciled) -> None:
    """Add an entry to the trial balance."""
    done.entries += 1
    own = [(entry.currency, posting) for posting in entry.postings]
    for currency, posting in (*own, *entry.cost_postings()):
        done.balances.setdefault(currency, Counter())[posting.book_account] += posting.nano


def _wallets_of(findings: list[Finding]) -> set[tuple[str, WalletKind]]:
    """The wallets whose money may be wrong."""
    return {
        (finding.account_id, finding.kind)
        for finding in findings
        if finding.problem not in FREEZE_NOTHING and finding.account_id != OPERATOR  # the operator has no wallet
    }


def _was_refused(entry: Entry) -> bool:
    """Whether the entry only says that nothing was held: a price in another currency is one reason for that."""
    return entry.request is not None and entry.request.reason is SettlementReason.NOT_HELD and not entry.postings


def _recomputes(entry: Entry) -> bool:
    facts = entry.request
    if facts is None:
        return True
    computed_nano = charge_nano(facts.usage, facts.unit_prices, facts.multiplier_ppm)
    return (
        facts.charge_nano == min(computed_nano, facts.hold_nano)
        and facts.uncharged_nano == computed_nano - facts.charge_nano
    )


def _reverses(entry: Entry, original: Entry | None) -> bool:
    if original is None:
        return False
    return {posting.book_account: -posting.nano for posting in original.postings} == {
        posting.book_account: posting.nano for posting in entry.postings
    }
