"""10,000 requests over a pool of five accounts, on a simulated clock: were limits kept, was anyone refused for nothing?

The rules are the product's own; the store is in memory. What happened is written down beside it, from the beginning of each request
to its end, and judged afterwards by recounting it. Exits with 1 when a promise was broken. `python -m bench.pool_simulation [seed]`
"""

from __future__ import annotations

import heapq
import logging
import random
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import count

from tokens_forge.channels import Channel, ChannelKind, PoolMember, QuotaWindow
from tokens_forge.pools import Lease, PoolFull, Pools
from tokens_forge.store.simulated_pools import SimulatedPoolStore

REQUESTS = 10_000
SLOT_LIFETIME_S = 900
BEGIN_MS = 1_790_000_000_000
# Bursts and pauses, over ten days: a little more than the pool can carry, so that slots fill up and every window does.
IN_BURST, GAP_IN_BURST_S, GAP_BETWEEN_S = 0.85, 15.0, 520.0
TALKS = 60
HOLDER_DIES, PROVIDER_REFUSES = 0.003, 0.005
WINDOWS = (
    QuotaWindow(5 * 3600, tokens_max=200_000, requests_max=70),
    QuotaWindow(7 * 24 * 3600, tokens_max=4_000_000),
)
MEMBERS = tuple(PoolMember(f"account-{letter}", "not-used", 3, WINDOWS) for letter in "abcde")
POOL = Channel(
    "pool", ChannelKind.POOL, "A pool", "openai", "https://upstream.invalid/v1", "", {"m": "m"}, members=MEMBERS
)


@dataclass
class SimulatedClock:
    """Moves from event to event."""

    time_ms: int = BEGIN_MS

    def now_ms(self) -> int:
        return self.time_ms

    def sleep_ms(self, duration_ms: float) -> None:
        raise RuntimeError("one caller at a time never loses a race")


@dataclass
class Run:
    """One request on a member, as its provider sees it. `booked` is what the pool was told, `used` what was really used."""

    member_id: str
    began_ms: int
    bound: int
    used: int = 0
    ended_ms: int | None = None
    free_at_ms: int | None = None  # when its slot was given back or expired
    booked: int = 0


@dataclass
class Log:
    """Everything that happened."""

    runs: list[Run] = field(default_factory=list)
    cooling_until_ms: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    refused_for_nothing: int = 0
    refused_by_an_exact_count_too: int = 0
    reserving_ms: list[float] = field(default_factory=list)


class Simulation:
    """Arrivals, ends and deaths in the order of their time."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.clock = SimulatedClock()
        self.pools = Pools(SimulatedPoolStore(), self.clock, slot_lifetime_s=SLOT_LIFETIME_S)
        self.log = Log()
        self._events: list[tuple[int, int, Callable[[], None]]] = []
        self._numbers = count()

    def at(self, time_ms: int, what: Callable[[], None]) -> None:
        heapq.heappush(self._events, (time_ms, next(self._numbers), what))

    def run(self) -> Log:
        arrival_ms = BEGIN_MS
        for _ in range(REQUESTS):
            gap_s = GAP_IN_BURST_S if self.chance.random() < IN_BURST else GAP_BETWEEN_S
            arrival_ms += int(self.chance.expovariate(1 / gap_s) * 1000)
            self.at(arrival_ms, self._arrive)
        while self._events:
            self.clock.time_ms, _, what = heapq.heappop(self._events)
            what()
        return self.log

    def _arrive(self) -> None:
        """One request: it is tried on members until one serves it or none has room."""
        bound = self.chance.randrange(500, 12_000)
        talk = f"talk {int(self.chance.paretovariate(1.2)) % TALKS}"  # some conversations are much busier than others
        tried: set[str] = set()
        while True:
            began_s = time.perf_counter()
            try:
                lease = self.pools.reserve(POOL, bound, talk, frozenset(tried))
            except PoolFull:
                self._refuse(bound, frozenset(tried))
                return
            finally:
                self.log.reserving_ms.append(1000 * (time.perf_counter() - began_s))
            run = Run(lease.member.member_id, self.clock.now_ms(), bound)
            self.log.runs.append(run)
            if self.chance.random() >= PROVIDER_REFUSES:
                break
            wait_s = self.chance.randrange(30, 1200)
            self._end(run, 0)
            self.log.cooling_until_ms[run.member_id] = self.clock.now_ms() + wait_s * 1000
            self.pools.cool(lease, 429, wait_s)
            tried.add(run.member_id)
        run.used = int(bound * self.chance.uniform(0.05, 1.0))
        ends_ms = self.clock.now_ms() + int(self.chance.uniform(2, 90) * 1000)
        if self.chance.random() < HOLDER_DIES:
            self.at(ends_ms, lambda: self._die(run))
        else:
            self.at(ends_ms, lambda: self._finish(run, lease))

    def _finish(self, run: Run, lease: Lease) -> None:
        self._end(run, run.used)
        self.pools.release(lease, run.used)

    def _end(self, run: Run, tokens: int) -> None:
        run.ended_ms = run.free_at_ms = self.clock.now_ms()
        run.booked = tokens

    def _die(self, run: Run) -> None:
        """The process is gone: the provider has counted what it had, the slot stays taken until it expires."""
        run.ended_ms = self.clock.now_ms()
        run.free_at_ms, run.booked = run.began_ms + SLOT_LIFETIME_S * 1000, run.bound

    def _refuse(self, bound: int, tried: frozenset[str]) -> None:
        log = self.log
        log.refused += 1
        left = [member for member in MEMBERS if member.member_id not in tried]
        log.refused_for_nothing += any(self._has_room(member, bound, parts=20) for member in left)
        log.refused_by_an_exact_count_too += not any(self._has_room(member, bound, parts=0) for member in left)

    def _has_room(self, member: PoolMember, bound: int, *, parts: int) -> bool:
        """By recounting everything that ever happened on the member; with windows in twentieths, or exact with 0."""
        now_ms = self.clock.now_ms()
        runs = [run for run in self.log.runs if run.member_id == member.member_id]
        open_runs = [run for run in runs if run.free_at_ms is None or run.free_at_ms > now_ms]
        if self.log.cooling_until_ms[member.member_id] > now_ms or len(open_runs) >= member.slots:
            return False
        reserved = sum(run.bound for run in open_runs)
        for window in member.windows:
            length_ms = window.length_s * 1000
            part_ms = length_ms // parts if parts else 1
            recent = [
                run.booked
                for run in runs
                if run.free_at_ms is not None
                and run.free_at_ms <= now_ms
                and (run.free_at_ms // part_ms + 1) * part_ms > now_ms - length_ms
            ]
            if window.tokens_max is not None and sum(recent) + reserved + bound > window.tokens_max:
                return False
            if window.requests_max is not None and len(recent) + len(open_runs) + 1 > window.requests_max:
                return False
        return True


def over_limits(log: Log) -> list[str]:
    """Every limit that a provider saw broken, whether it counts a request when it begins or when it ends."""
    found = []
    for member in MEMBERS:
        runs = [run for run in log.runs if run.member_id == member.member_id]
        highest = _most_at_once((run.began_ms, run.ended_ms or 0) for run in runs)
        if highest > member.slots:
            found.append(f"{member.member_id}: {highest} requests at once")
        for window in member.windows:
            for counted, moments in (
                ("begin", [(run.began_ms, run.used) for run in runs]),
                ("end", [(run.ended_ms or 0, run.used) for run in runs]),
            ):
                tokens, requests = _most_within(sorted(moments), window.length_s * 1000)
                if window.tokens_max is not None and tokens > window.tokens_max:
                    found.append(
                        f"{member.member_id}: {tokens} tokens in {window.length_s} s, counted at their {counted}"
                    )
                if window.requests_max is not None and requests > window.requests_max:
                    found.append(f"{member.member_id}: {requests} requests in {window.length_s} s, at their {counted}")
    return found


def _most_at_once(spans: Iterable[tuple[int, int]]) -> int:
    steps = sorted((moment, step) for began, ended in spans for moment, step in ((began, 1), (ended, -1)))
    running = highest = 0
    for _, step in steps:
        running += step
        highest = max(highest, running)
    return highest


def _most_within(moments: list[tuple[int, int]], length_ms: int) -> tuple[int, int]:
    first = tokens = most_tokens = most_requests = 0
    for last, (moment, used) in enumerate(moments):
        tokens += used
        while moments[first][0] <= moment - length_ms:
            tokens -= moments[first][1]
            first += 1
        most_tokens, most_requests = max(most_tokens, tokens), max(most_requests, last - first + 1)
    return most_tokens, most_requests


def main() -> int:
    """Run it and print the figures."""
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    logging.getLogger("tokens_forge.pools").setLevel(logging.ERROR)  # each cooling is a warning
    began_s = time.perf_counter()
    simulation = Simulation(seed)
    log = simulation.run()
    took_s = time.perf_counter() - began_s
    broken = over_limits(log)
    served = Counter(run.member_id for run in log.runs if run.ended_ms is not None)
    tokens: Counter[str] = Counter()
    for run in log.runs:
        tokens[run.member_id] += run.used
    hours = (simulation.clock.now_ms() - BEGIN_MS) / 3_600_000
    print(
        f"{REQUESTS} requests in {hours:.0f} simulated hours over {len(MEMBERS)} members, seed {seed}, {took_s:.1f} s"
    )
    print(f"limits broken on any member: {len(broken)}")
    print(
        "\n".join(broken[:10]) if broken else "  (slots, tokens and requests; counted at the beginning and at the end)"
    )
    print(f"refused: {log.refused}, of these while a member had room: {log.refused_for_nothing}")
    only_parts = log.refused - log.refused_by_an_exact_count_too
    print(f"  at {only_parts} of these moments a window counted to the millisecond, not in twentieths, had room")
    for member in MEMBERS:
        name = member.member_id
        print(
            f"  {name}: {served[name]} attempts, {tokens[name]} tokens ({100 * tokens[name] / sum(tokens.values()):.1f} %)"
        )
    print(f"busiest to idlest member, by tokens: {max(tokens.values()) / min(tokens.values()):.2f} to 1")
    print(f"choosing and reserving, without the table: median {statistics.median(log.reserving_ms):.2f} ms")
    return 1 if broken or log.refused_for_nothing else 0


if __name__ == "__main__":
    sys.exit(main())
