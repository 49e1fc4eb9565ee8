"""A ledger in plain Python, written from docs/receipts.md and design §5 and from nothing else: no line of it is the product's.

Prices are exact fractions, an operation is a dictionary update, and a sum is a sum. The state machine holds the product to it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.properties.words import BROKEN, Answer, Ending, Facts, Line, Request, Run, Where


@dataclass
class Purse:
    """One wallet. An open hold is its amount, the limited key that it draws on, and the run's hold of which it is a part."""

    currency: str
    available: int = 0
    credits: int = 0
    debits: int = 0
    debt: int = 0
    frozen: bool = False
    epoch: int = 0
    holds: dict[str, tuple[int, str | None, str | None]] = field(default_factory=dict)
    key_left: dict[str, int] = field(default_factory=dict)

    def credit(self, nano: int) -> None:
        """Add; a debt is paid first."""
        pays = min(self.debt, nano)
        self.debt -= pays
        self.available += nano - pays
        self.credits += nano

    def debit(self, nano: int) -> None:
        """Take; what is not available is owed."""
        from_available = min(self.available, nano)
        self.available -= from_available
        self.debt += nano - from_available
        self.debits += nano

    def close(self, hold_id: str, charge: int, key: str | None, *, apart: bool = False) -> None:
        """Spend a part of a hold and give the rest back: to its run while that stands, else to the wallet and the key.

        `apart`: whoever closes it has seen the run's hold gone, whatever has come since.
        """
        nano, _, whole = self.holds.pop(hold_id)
        self.debits += charge
        if whole in self.holds and not apart:
            self.resize(whole, nano - charge)
            return
        self.available += nano - charge
        if key is not None:
            self.key_left[key] = self.key_left.get(key, 0) + nano - charge

    def resize(self, whole: str, nano: int) -> None:
        """A step takes its part out of the run's hold, or gives something back."""
        has, key, none = self.holds[whole]
        self.holds[whole] = (has + nano, key, none)


@dataclass
class Record:
    """An intent as it is kept for the sweeper."""

    request: Request
    outcome: Ending | None = None
    checkpoint: Ending | None = None


class Reference:
    """All wallets, the journal and the intents of a whole deployment."""

    def __init__(self) -> None:
        self.purses: dict[Where, Purse] = {}
        self.journal: dict[str, Line] = {}
        self.intents: dict[str, Record] = {}

    def open(self, where: Where, currency: str) -> Answer:
        is_new = where not in self.purses
        if is_new:
            self.purses[where] = Purse(currency)
        return Answer("done", str(is_new))

    def freeze(self, where: Where) -> Answer:
        self.purses[where].frozen = True
        return Answer("done")

    def raise_epoch(self, where: Where) -> Answer:
        self.purses[where].epoch += 1
        return Answer("done")

    def limit_key(self, where: Where, key: str, nano: int | None) -> Answer:
        left = self.purses[where].key_left
        left.pop(key, None)
        if nano is not None:
            left[key] = nano
        return Answer("done")

    def top_up(self, where: Where, nano: int, currency: str, ulid: str) -> Answer:
        moves = (("wallet", nano), ("clearing:bank", -nano))
        return self._move(Line(f"{ulid}.top_up", where, currency, moves, f"ord_{ulid}"))

    def adjust(self, where: Where, nano: int, currency: str, ulid: str) -> Answer:
        moves = (("wallet", nano), ("operator", -nano))
        return self._move(Line(f"{ulid}.adjustment", where, currency, moves, "because"))

    def reverse(self, entry_id: str) -> Answer:
        line = self.journal[entry_id]
        ulid, kind = entry_id.split(".")
        if not line.moves or kind.startswith("reversal"):
            return BROKEN
        opposite = tuple((book, -nano) for book, nano in line.moves)
        reversal = Line(f"{ulid}.reversal-of-{kind}", line.where, line.currency, opposite, entry_id)
        return self._move(reversal, may_owe=True)

    def hold(self, request: Request, epoch: int) -> Answer:
        self.intents.setdefault(request.ulid, Record(request))
        return self.hold_less(request, epoch, request.most)

    def hold_less(self, request: Request, epoch: int, nano: int) -> Answer:
        purse = self.purses.get(request.where)
        if purse is None:
            return Answer("refused", "no_wallet")
        if request.ulid in purse.holds:
            return Answer("held", purse.holds[request.ulid][0])
        key = request.key if request.key_is_limited else None
        return self._set_aside(purse, request.ulid, nano, request.tariff.currency, epoch, key, request.part_of)

    def place_run(self, run: Run, epoch: int) -> Answer:
        """Set a whole run's highest price aside."""
        purse = self.purses.get(run.where)
        if purse is None:
            return Answer("refused", "no_wallet")
        if run.hold_id in purse.holds:
            return Answer("held")
        key = run.key if run.key_is_limited else None
        answer = self._set_aside(purse, run.hold_id, run.nano, run.currency, epoch, key, None)
        return Answer("held") if answer.word == "held" else answer

    def end_run(self, run: Run) -> Answer:
        """Give back what is left of a run's hold, and whatever of it comes again."""
        answer = self.note_end(run)
        self.release_run(run)
        return answer

    def note_end(self, run: Run) -> Answer:
        """The entry alone: there was no hold to be seen."""
        return self._move(Line(f"{run.ulid}.run", run.where, self.purses[run.where].currency, (), run.hold_id))

    def release_run(self, run: Run) -> str:
        purse = self.purses[run.where]
        if f"{run.ulid}.run" not in self.journal or run.hold_id not in purse.holds:
            return "nothing"
        purse.close(run.hold_id, 0, purse.holds[run.hold_id][1])
        return "released"

    @staticmethod
    def _set_aside(
        purse: Purse, hold_id: str, nano: int, currency: str, epoch: int, key: str | None, whole: str | None
    ) -> Answer:
        left = purse.key_left.get(key) if key is not None else None
        of_run, _, _ = purse.holds.get(whole or "", (-1, None, None))
        reasons = {
            "currency": purse.currency != currency,
            "frozen": purse.frozen,
            "auth_epoch": purse.epoch != epoch,
            "run_ended": whole is not None and whole not in purse.holds,
            "run_spent": whole is not None and of_run < nano,
            "key_spend_limit": whole is None and key is not None and (left is None or left < nano),
            "insufficient": whole is None and purse.available < nano,
        }
        for reason, applies in reasons.items():
            if applies:
                return Answer("refused", reason)
        if whole is not None:
            purse.resize(whole, -nano)
        else:
            purse.available -= nano
            if key is not None:
                purse.key_left[key] -= nano
        purse.holds[hold_id] = (nano, key, whole)
        return Answer("held", nano)

    def settle(self, request: Request, nano: int, ending: Ending, *, apart: bool = False) -> Answer:
        line = self._receipt("request", request, nano, ending)
        if line.entry_id in self.journal:
            return self._again(line)
        purse = self.purses.get(request.where)
        if purse is None or purse.holds.get(request.ulid, (None,))[0] != nano:
            return Answer("lost")
        self.journal[line.entry_id] = line
        purse.close(request.ulid, -line.to_wallet, request.key if request.key_is_limited else None, apart=apart)
        return Answer("entry", line.entry_id)

    def settle_late(self, request: Request, nano: int, ending: Ending) -> Answer:
        if self.journal[f"{request.ulid}.request"].to_wallet != 0:
            return BROKEN
        line = self._receipt("late", request, nano, ending)
        if line.entry_id in self.journal or not line.moves:
            return self._move(line)
        answer = self._move(line)
        if answer.word == "short":  # the operator's loss: what the wallet cannot pay is never taken
            return self._move(self._receipt("late", request, 0, ending))
        return answer

    def keep_outcome(self, request: Request, ending: Ending) -> Answer:
        record = self.intents[request.ulid]
        record.outcome = record.outcome or ending
        return Answer("done")

    def checkpoint(self, request: Request, ending: Ending) -> Answer:
        self.intents[request.ulid].checkpoint = ending
        return Answer("done")

    def close_abandoned(self, record: Record, *, apart: bool = False) -> str:
        """End a request that nobody else will end."""
        request = record.request
        purse = self.purses.get(request.where)
        hold = purse.holds.get(request.ulid) if purse else None
        if f"{request.ulid}.request" in self.journal:
            if purse is None or hold is None:
                return "was_ended"
            purse.close(request.ulid, 0, hold[1], apart=apart)
            return "released"
        if hold is None:
            self.never_held(request)
            return "not_held"
        ending = record.outcome or record.checkpoint or Ending("abandoned")
        self.settle(request, hold[0], ending)
        return "settled" if any(ending.tokens) else "voided"

    def never_held(self, request: Request) -> Answer:
        """A stone for a request for which nothing was set aside."""
        return self._move(self._receipt("request", request, 0, Ending("not_held")))

    def _move(self, line: Line, *, may_owe: bool = False) -> Answer:
        """Post a line that closes no hold."""
        if line.entry_id in self.journal:
            return self._again(line)
        if line.moves:
            purse = self.purses.get(line.where)
            if purse is None:
                return Answer("refused", "no_wallet")
            if purse.currency != line.currency:
                return Answer("refused", "currency")
            if line.to_wallet > 0:
                purse.credit(line.to_wallet)
            elif purse.available >= -line.to_wallet or may_owe:
                purse.debit(-line.to_wallet)
            else:
                return Answer("short")
        self.journal[line.entry_id] = line
        return Answer("entry", line.entry_id)

    def _again(self, line: Line) -> Answer:
        return Answer("entry" if self.journal[line.entry_id] == line else "already", line.entry_id)

    @staticmethod
    def _receipt(kind: str, request: Request, hold: int, ending: Ending) -> Line:
        cost = request.tariff.charge(ending.tokens)
        charge = min(cost, hold)
        facts = Facts(
            request=request,
            ending=ending,
            prices=request.tariff.prices(ending.tokens),
            hold=hold,
            charge=charge,
            uncharged=cost - charge,
            backup_used=bool(ending.attempts) and ending.attempts[-1][0] != request.primary,
        )
        moves = (("wallet", -charge), ("revenue", charge)) if charge else ()
        return Line(f"{request.ulid}.{kind}", request.where, request.tariff.currency, moves, facts=facts)
