"""Visits every reachable state of two requests on one wallet, breadth first, and shows the shortest way to a broken rule.

Requests meet only in the wallet. So the steps of one request are worked out once for each wallet it meets, requests and wallets get
numbers, and a state is one integer made of two requests and a wallet. The two requests are alike: states that differ only in which
of them is which are one state.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from tests.protocol.closers import Closers
from tests.protocol.gateway import Gateway
from tests.protocol.request import ABSENT, BEGUN, Request, Step
from tests.protocol.rules import (
    broken_between,
    broken_by_change,
    broken_by_request,
    broken_by_wallet,
    broken_in_the_end,
)
from tests.protocol.store import Store, Wallet

WALLET_BITS, REQUEST_BITS = 8, 24
OTHER_SHIFT = WALLET_BITS + REQUEST_BITS
WALLET_MASK, REQUEST_MASK = (1 << WALLET_BITS) - 1, (1 << REQUEST_BITS) - 1
DRAIN_STEPS_MAX = 40  # of the closers alone, from any state; a dozen is enough when all is well


@dataclass(frozen=True)
class Size:
    """How much of the world one search has in it."""

    requests: int
    looks_max: int
    reads_apart: bool
    cursor: bool = True
    streams: bool = True

    def __str__(self) -> str:
        parts = [
            f"{self.requests} request{'s' * (self.requests > 1)}",
            f"{self.looks_max} look{'s' * (self.looks_max > 1)} at once",
            "three reads" if self.reads_apart else "one read",
            *["cursor"] * self.cursor,
            *["streams"] * self.streams,
        ]
        return ", ".join(parts)


class Protocol:
    """The actors of one model."""

    def __init__(
        self,
        size: Size,
        store: type[Store] = Store,
        gateway: type[Gateway] = Gateway,
        closers: type[Closers] = Closers,
    ) -> None:
        kept = store()
        self.size = size
        self.gateway = gateway(kept, streams=size.streams)
        self.closers = closers(kept, looks_max=size.looks_max, reads_apart=size.reads_apart, cursor=size.cursor)

    def steps(self, request: Request, wallet: Wallet) -> Iterator[Step]:
        """Everything that can happen next to one request."""
        yield from self.gateway.steps(request, wallet)
        yield from self.closers.steps(request, wallet)

    def broken_when_drained(self, request: Request) -> str:
        """The rule that is broken when every process and message dies just now, and the closers have their turn.

        What closers do to a request does not depend on the wallet.
        """
        wallet = Wallet(0, 0, request.books.hold)
        for _ in range(DRAIN_STEPS_MAX):
            step = next(self.closers.steps(request, wallet), None)
            if step is None:
                return broken_in_the_end(request)
            request, wallet = step.request, step.wallet
        return broken_in_the_end(request) or "the sweeper and the reconciliation never come to an end"


class Violation(NamedTuple):
    """A broken rule, and the steps that lead to it."""

    rule: str
    steps: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join([*(f"{number:3}. {what}" for number, what in enumerate(self.steps, 1)), f"  => {self.rule}"])


class Checked(NamedTuple):
    """What one search saw. `requests` counts the states of one request alone."""

    states: int
    requests: int
    violation: Violation | None


class _Numbered:
    """Gives each request a number, and keeps what is needed of it while states are only integers."""

    def __init__(self) -> None:
        self.numbers: dict[Request, int] = {}
        self.requests: list[Request] = []
        self.open_holds: list[int] = []
        self.charged: list[int] = []
        self.broken: list[str] = []

    def of(self, request: Request, protocol: Protocol) -> int:
        number = self.numbers.get(request)
        if number is None:
            number = self.numbers[request] = len(self.requests)
            self.requests.append(request)
            self.open_holds.append(request.books.hold)
            self.charged.append(request.books.charged)
            self.broken.append(broken_by_request(request) or protocol.broken_when_drained(request))
        return number


class Search:
    """One search, on a wallet with `credits` in it."""

    def __init__(self, protocol: Protocol, credits: int) -> None:
        self._protocol = protocol
        self._requests = _Numbered()
        self._wallets: dict[Wallet, int] = {}
        self._wallet_list: list[Wallet] = []
        self._wallet_rules: list[str] = []
        self._next: dict[int, tuple[tuple[int, int], ...]] = {}
        begun = self._requests.of(BEGUN, protocol)
        other = begun if protocol.size.requests == 2 else self._requests.of(ABSENT, protocol)
        self._seen: set[int] = set()
        self._start = _state(begun, other, self._wallet(Wallet(credits, credits)))

    def run(self) -> Checked:
        """Visit everything, or stop at the first step that breaks a rule."""
        seen = self._seen = {self._start}
        levels = [[self._start]]
        while levels[-1]:
            levels.append(self._level_after(levels[-1], seen))
            for state in levels[-1]:
                rule = self._broken(state)
                if rule:
                    return self._checked(seen, Violation(rule, self._way(levels, state)))
        return self._checked(seen, None)

    def reached(self) -> Iterator[tuple[Request, Request, Wallet]]:
        """Every state that `run` has visited."""
        known = self._requests.requests
        for state in self._seen:
            yield (
                known[state >> OTHER_SHIFT],
                known[state >> WALLET_BITS & REQUEST_MASK],
                self._wallet_list[state & WALLET_MASK],
            )

    def _level_after(self, level: list[int], seen: set[int]) -> list[int]:
        """The states one step further that were never seen before."""
        found: list[int] = []
        add, append, known = seen.add, found.append, self._next.get
        for state in level:
            first, second, wallet = state >> OTHER_SHIFT, state >> WALLET_BITS & REQUEST_MASK, state & WALLET_MASK
            for moving, still in ((first, second), (second, first)) if first != second else ((first, second),):
                before, behind = still << OTHER_SHIFT, still << WALLET_BITS
                steps = known(moving << WALLET_BITS | wallet) or self._steps_of(moving, wallet)
                for moved_first, moved_second in steps:
                    following, other = moved_first | behind, moved_second | before
                    if other < following:
                        following = other
                    if following not in seen:
                        add(following)
                        append(following)
        return found

    def _checked(self, seen: set[int], violation: Violation | None) -> Checked:
        return Checked(len(seen), len(self._requests.requests), violation)

    def _steps_of(self, request: int, wallet: int) -> tuple[tuple[int, int], ...]:
        """What follows, as the part of a state's number in which this request comes first, and that in which it comes second."""
        steps = []
        for step in self._described(request, wallet):
            moved, after = self._requests.of(step.request, self._protocol), self._wallet(step.wallet)
            steps.append((moved << OTHER_SHIFT | after, moved << WALLET_BITS | after))
        self._next[request << WALLET_BITS | wallet] = tuple(steps)
        return tuple(steps)

    def _described(self, request: int, wallet: int) -> Iterator[Step]:
        before = self._requests.requests[request]
        for step in self._protocol.steps(before, self._wallet_list[wallet]):
            broken = broken_by_change(before, step.request)
            yield step._replace(request=step.request._replace(alarm=broken)) if broken else step

    def _wallet(self, wallet: Wallet) -> int:
        number = self._wallets.setdefault(wallet, len(self._wallets))
        assert number <= WALLET_MASK
        if number == len(self._wallet_list):
            self._wallet_list.append(wallet)
            self._wallet_rules.append(broken_by_wallet(wallet))
        return number

    def _broken(self, state: int) -> str:
        wallet, second, first = state & WALLET_MASK, state >> WALLET_BITS & REQUEST_MASK, state >> OTHER_SHIFT
        known = self._requests
        rule = known.broken[first] or known.broken[second] or self._wallet_rules[wallet]
        if rule:
            return rule
        open_holds = known.open_holds[first] + known.open_holds[second]
        return broken_between(self._wallet_list[wallet], open_holds, known.charged[first] + known.charged[second])

    def _way(self, levels: list[list[int]], end: int) -> tuple[str, ...]:
        """The steps from the start to `end`: back through the levels for the states, then forward for the words."""
        states = [end]
        for level in reversed(levels[:-1]):
            states.append(next(state for state in level if states[-1] in self._level_after([state], set())))
        words = []
        sides = (states[-1] >> OTHER_SHIFT, states[-1] >> WALLET_BITS & REQUEST_MASK)
        for state, following in pairwise(reversed(states)):
            what, sides = self._in_words(sides, state & WALLET_MASK, following)
            words.append(what)
        return tuple(words)

    def _in_words(self, sides: tuple[int, int], wallet: int, following: int) -> tuple[str, tuple[int, int]]:
        """The step between two states, for requests that keep their names though a state does not tell them apart."""
        for name, (moving, still) in enumerate((sides, sides[::-1])):
            for step in self._described(moving, wallet):
                moved = self._requests.of(step.request, self._protocol)
                if _state(moved, still, self._wallet(step.wallet)) == following:
                    purse = step.wallet
                    what = f"{'AB'[name]}: {step.what}  [available {purse.available}, held {purse.held}, debits {purse.debits}]"
                    return what, ((moved, still), (still, moved))[name]
        raise AssertionError("no step leads there")


def _state(request: int, other: int, wallet: int) -> int:
    """The smaller number comes first."""
    return min(request, other) << OTHER_SHIFT | max(request, other) << WALLET_BITS | wallet
