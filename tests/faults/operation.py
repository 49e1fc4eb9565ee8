"""What the matrix kills: an operation, what stands before it, and what must be true when everything has come to rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.faults.world import World


def _nothing(world: World) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Operation:
    """`check` holds after every run, `check_undisturbed` after the one in which nothing went wrong.

    With `asked_again` the caller asks until it is told, in new processes. `cancellable` is a request whose client can go away.
    `other` is a process that may do its work at any call of this one. `afterwards` is a scheduled job that finishes what is left.
    """

    name: str
    prepare: Callable[[World], None]
    process: Callable[[World], object]
    check: Callable[[World], None] = _nothing
    check_undisturbed: Callable[[World], None] = _nothing
    asked_again: bool = False
    cancellable: bool = False
    other: Callable[[World], object] | None = None
    afterwards: Callable[[World], object] | None = None
