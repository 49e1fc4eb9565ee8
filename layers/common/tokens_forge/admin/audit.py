"""The audit log: append-only; who changed what, why, from what to what.

A change of the catalog or of a wallet's status and its record are one transaction. What takes several writes of its own (opening
an account, posting an adjustment) is recorded as `begun` before the first of them and as `done` or `failed` after the last: so
there is no change without a record, and a record that stays `begun` tells where somebody has to look.

There are three logs, which never share an item: one for each wallet's business, and one for accounts and admin keys.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Any, Protocol, TypeVar

from tokens_forge.clock import Clock
from tokens_forge.errors import ForgeError, RequestError
from tokens_forge.ids import DAY_MS, iso_of, month_of, new_id, time_ms_of
from tokens_forge.wallets import WalletKind

MONTHS_BACK = 25  # what a page looks through for records that are wanted
View = Mapping[str, Any]
Result = TypeVar("Result")


class Log(StrEnum):
    """Which business a record is about; `deployment` is neither wallet's."""

    OFFICIAL = "official"
    ROUTED = "routed"
    DEPLOYMENT = "deployment"


class Stage(StrEnum):
    """Whether the record is the whole change, or its beginning or end."""

    BEGUN = "begun"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Author:
    """Who changes something, and why."""

    actor: str
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One line of a log. `before` and `after` are views: decimal strings for money, names of secrets, never a secret.

    `begun_by` names the record that said that this was to begin.
    """

    record_id: str
    log: Log
    author: Author
    action: str
    subject: str
    before: View | None
    after: View | None
    stage: Stage = Stage.DONE
    begun_by: str | None = None

    @property
    def month(self) -> str:
        """The UTC month, part of the log's key: changes are few, and a log is read a month at a time."""
        return month_of(time_ms_of(self.record_id))

    def view(self) -> dict[str, Any]:
        """As the API shows it."""
        return {
            "object": "audit_record",
            "id": self.record_id,
            "log": self.log.value,
            "at": iso_of(time_ms_of(self.record_id)),
            "actor": self.author.actor,
            "actor_name": self.author.name,
            "reason": self.author.reason,
            "action": self.action,
            "subject": self.subject,
            "stage": self.stage.value,
            "begun_by": self.begun_by,
            "before": self.before,
            "after": self.after,
        }


class AuditStore(Protocol):
    """Where the logs are kept."""

    def append(self, record: AuditRecord) -> None:
        """Write a record that is not there yet."""
        ...

    def month_records(self, log: Log, month: str, *, before: str | None) -> Iterator[AuditRecord]:
        """The records of one UTC month, newest first, those before the record id `before` only; read as far as they are taken."""
        ...


def log_of(kind: WalletKind) -> Log:
    """The log of one wallet's business."""
    return Log(kind.value)


class Audit:
    """Writes and reads the logs. Its methods block."""

    def __init__(self, store: AuditStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def record(
        self,
        log: Log,
        author: Author,
        action: str,
        subject: str,
        before: View | None,
        after: View | None,
        *,
        stage: Stage = Stage.DONE,
        begun_by: str | None = None,
    ) -> AuditRecord:
        """A record of this moment, for a store that writes it together with its change."""
        record_id = new_id("aud", self._clock.now_ms())
        return AuditRecord(record_id, log, author, action, subject, before, after, stage, begun_by)

    def around(
        self,
        log: Log,
        author: Author,
        action: str,
        subject: str,
        wanted: View,
        change: Callable[[], Result],
        shown: Callable[[Result], View],
    ) -> Result:
        """Run a change that takes several writes, between its two records.

        A refusal is recorded as `failed`; anything else that goes wrong leaves the record `begun`, because nobody knows how far
        the change came.
        """
        begun = self.record(log, author, action, subject, None, wanted, stage=Stage.BEGUN)
        self._store.append(begun)
        try:
            result = change()
        except ForgeError as refused:
            self._end(begun, Stage.FAILED, {"error": refused.message})
            raise
        self._end(begun, Stage.DONE, shown(result))
        return result

    def page(
        self, log: Log, *, cursor: str | None, limit: int, wanted: Callable[[AuditRecord], bool]
    ) -> tuple[list[AuditRecord], str | None]:
        """Records before the cursor that are wanted, newest first, and the next cursor. Raises RequestError."""
        before = _parse_cursor(cursor) if cursor is not None else None
        found = list(islice(filter(wanted, self._newest_first(log, before)), limit + 1))
        if len(found) > limit:
            return found[:limit], _cursor(found[limit - 1].record_id)
        return found, None

    def _newest_first(self, log: Log, before: str | None) -> Iterator[AuditRecord]:
        # Ids of this moment may lie in tomorrow: another process's clock may run ahead of ours.
        newest = month_of(time_ms_of(before) if before else self._clock.now_ms() + DAY_MS)
        year, month = map(int, newest.split("-"))
        for number in range(year * 12 + month - 1, year * 12 + month - 1 - MONTHS_BACK, -1):
            yield from self._store.month_records(log, f"{number // 12}-{number % 12 + 1:02d}", before=before)

    def _end(self, begun: AuditRecord, stage: Stage, after: View) -> None:
        ended = self.record(
            begun.log, begun.author, begun.action, begun.subject, None, after, stage=stage, begun_by=begun.record_id
        )
        self._store.append(ended)


def _cursor(record_id: str) -> str:
    return base64.urlsafe_b64encode(record_id.encode()).decode()


def _parse_cursor(cursor: str) -> str:
    try:
        record_id = base64.b64decode(cursor.encode(), altchars=b"-_", validate=True).decode()
        time_ms_of(record_id)
    except (ValueError, binascii.Error):
        raise RequestError("This cursor is not one of this log's.", param="cursor") from None
    return record_id
