"""What a deployed function would write to its log, line by line."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tokens_forge.observability import install

_LOGGERS = ("", "tokens_forge", "uvicorn", "uvicorn.error", "uvicorn.access")


class LogLines:
    """The lines so far."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    def all(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]

    def requests(self) -> list[dict[str, Any]]:
        """One for each HTTP request."""
        return [line for line in self.all() if line["message"] == "request"]

    def metrics(self) -> set[tuple[str, str, tuple[tuple[str, str], ...]]]:
        """(namespace, name, dimensions with their values) of every metric, as CloudWatch reads them. Values must be numbers."""
        found = set()
        for line in self.all():
            for directive in line.get("_aws", {}).get("CloudWatchMetrics", ()):
                for names in directive["Dimensions"]:
                    dimensions = tuple((name, str(line[name])) for name in names)
                    for metric in directive["Metrics"]:
                        assert type(line[metric["Name"]]) in (int, float), metric
                        found.add((directive["Namespace"], metric["Name"], dimensions))
        return found


@contextmanager
def captured(service: str = "proxy") -> Iterator[LogLines]:
    """Log as a function of this service does, into memory; afterwards everything is as before."""
    before = [
        (logger, logger.handlers[:], logger.level, logger.propagate) for logger in map(logging.getLogger, _LOGGERS)
    ]
    lines = LogLines()
    install(service)
    [handler] = logging.root.handlers
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(lines.stream)
    try:
        yield lines
    finally:
        for logger, handlers, level, propagate in before:
            logger.handlers[:], logger.propagate = handlers, propagate
            logger.setLevel(level)
