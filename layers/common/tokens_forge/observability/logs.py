"""Log lines: JSON, one each, on standard output, with the ids of the request they belong to.

Of a message only its first line is kept, and of an exception only types and places: the words of an exception may quote what it
failed on, and that may be a prompt.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import orjson

from tokens_forge.observability.metrics import Metrics
from tokens_forge.observability.request_record import current_record

MESSAGE_LETTERS_MAX = 300
FRAMES_MAX = 12
_ENCODER = json.JSONEncoder(separators=(",", ":"), default=str)
_PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonLines(logging.Formatter):
    """One line of JSON for each record; what its `extra` holds becomes members, and `metrics` become CloudWatch's."""

    def __init__(self, service: str, namespace: str) -> None:
        super().__init__()
        self.service = service
        self._namespace = namespace

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line: dict[str, Any] = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "service": self.service,
            "logger": record.name,
            "message": record.getMessage().partition("\n")[0][:MESSAGE_LETTERS_MAX],
        }
        request = current_record()
        if request is not None:
            line.update(request.ids())
        extra = {name: value for name, value in vars(record).items() if name not in _PLAIN}
        metrics = extra.pop("metrics", None)
        line.update(extra)
        if isinstance(metrics, Metrics):
            line.update(metrics.members(self._namespace, self.service, int(record.created * 1000)))
        if record.exc_info and record.exc_info[1] is not None:
            line["exception"] = list(_told(record.exc_info[1]))
        return _encoded(line)


def _encoded(line: dict[str, Any]) -> str:
    try:
        return orjson.dumps(line, default=str).decode()
    except TypeError:  # integers of more than 64 bits, halves of surrogate pairs: the standard library takes them
        return _ENCODER.encode(line)


def _told(error: BaseException | None) -> Iterator[dict[str, Any]]:
    """The exception and those behind it, without their words."""
    seen = 0
    while error is not None and seen < FRAMES_MAX:
        frames = traceback.extract_tb(error.__traceback__)[-FRAMES_MAX:]
        told: dict[str, Any] = {
            "type": f"{type(error).__module__}.{type(error).__qualname__}",
            "at": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
        }
        response = getattr(error, "response", None)
        if isinstance(response, dict):  # AWS's own word for what went wrong, such as ThrottlingException
            told["code"] = response.get("Error", {}).get("Code")
        yield told
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        seen += 1


def install(service: str) -> None:
    """Send every log line of this process to standard output as JSON. Call it once, where the process is put together.

    The deployment names the namespace of its metrics: those of two stacks in one account are never added up.
    """
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonLines(service, os.environ.get("FORGE_METRICS_NAMESPACE", "TokensForge")))
    logging.root.handlers[:] = [handler]
    logging.root.setLevel(logging.WARNING)
    logging.getLogger("tokens_forge").setLevel(logging.INFO)
    # uvicorn gives its loggers handlers of their own, which would print tracebacks with every word of an exception.
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        logger.setLevel(logging.WARNING)
