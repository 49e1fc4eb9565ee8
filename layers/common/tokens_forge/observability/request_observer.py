"""The gateway's observer: puts what it is told into the record of the HTTP request that is being served."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType

from tokens_forge.identity import Identity
from tokens_forge.observability import request_line
from tokens_forge.observability.request_record import RequestRecord, current_record
from tokens_forge.observer import Ended, Step
from tokens_forge.quotes import Quote


class RequestObserver:
    """Implements Observer. It has no state: the record is the task's own."""

    def identified(self, identity: Identity) -> None:
        """Who asks."""
        record = current_record()
        if record is not None:
            kind = identity.key.kind.wallet
            record.account_id, record.key_id = identity.account_id, identity.key.key_id
            record.wallet = kind.value if kind is not None else None

    def quoted(self, quote: Quote) -> None:
        """What for. The model is named only now: before, it is whatever the client wrote there."""
        record = current_record()
        if record is not None:
            record.model = quote.offer.model.model_id
            record.endpoint, record.stream = quote.request.endpoint.value, quote.request.stream

    def timing(self, step: Step) -> AbstractContextManager[None]:
        """Adds up when a step is done twice."""
        record = current_record()
        return _Timing(record, step) if record is not None else nullcontext()

    def ended(self, ended: Ended) -> None:
        """How it was settled."""
        record = current_record()
        if record is None or record.is_written or record.ended is not None:
            request_line.write_end(ended)
        else:
            record.ended = ended


class _Timing:
    def __init__(self, record: RequestRecord, step: Step) -> None:
        self._record = record
        self._step = step
        self._began_s = time.perf_counter()

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        took = self._record.took_s
        took[self._step] = took.get(self._step, 0.0) + time.perf_counter() - self._began_s
