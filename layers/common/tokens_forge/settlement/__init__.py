"""Settlement: the one place where money moves.

Each request: put an intent, hold the worst case, call upstream, settle. A hold and its entry are two-phase: pending, then posted
or voided, and it can only be resolved once, because the entry's key is the request and the hold's key is the request too.
Re-sending any step is harmless, so faults of the store are answered by doing the same thing again.

`requests` ends requests, `runs` sets money aside for a whole research run, `refunds` takes back what is refunded, `balances` moves
money for other reasons, `operator` books what we spend ourselves, `books` posts for all. No other module writes a wallet or a
journal entry.
"""

from tokens_forge.repetition import RetryRule
from tokens_forge.settlement.balances import Balances
from tokens_forge.settlement.books import (
    AlreadySettled,
    Books,
    DebtMoved,
    HoldLost,
    HoldRefused,
    NotAvailable,
)
from tokens_forge.settlement.operator import OperatorBook
from tokens_forge.settlement.refunds import Refunds
from tokens_forge.settlement.requests import Closing, Settlement
from tokens_forge.settlement.runs import RunHold

__all__ = [
    "AlreadySettled",
    "Balances",
    "Books",
    "Closing",
    "DebtMoved",
    "HoldLost",
    "HoldRefused",
    "NotAvailable",
    "OperatorBook",
    "Refunds",
    "RetryRule",
    "RunHold",
    "Settlement",
]
