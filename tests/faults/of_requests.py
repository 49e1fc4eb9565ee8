"""Billed requests, through the real gateway: every way to end, with everything that can go wrong at every call."""

from __future__ import annotations

from collections.abc import Callable

from tests.faults.invariants import charged_nano
from tests.faults.operation import Operation
from tests.faults.provider import USAGE, Reply
from tests.faults.serving import Served
from tests.faults.world import MINUTE_MS, OFFICIAL, World, ulid
from tests.unit.builders import PRICE
from tokens_forge.journal import SettlementReason
from tokens_forge.money import Money, decimal
from tokens_forge.pricing import Usage, price_usage
from tokens_forge.quotes import estimated_tokens
from tokens_forge.wallets import WalletKind

FUNDS_NANO = 10**9
KEY_LIMIT_NANO = 5 * 10**8
CLAMPING_NANO = 2 * 10**5  # the default output limit would cost three times as much
EXACT_NANO = price_usage(Usage(input=100, output=50), PRICE)
ANSWER = Reply(usage=USAGE)
STREAM = Reply(usage=USAGE, pieces=("an ", "answer"))
LONG = Reply(usage=USAGE, pieces=("an ", "answer ", "that ", "lasts"), piece_ms=6_000)
BROKEN = Reply(pieces=("an ", "answer ", "that ", "ends"), piece_ms=6_000, breaks=True)
SILENT = Reply(usage={"prompt_tokens": 100, "completion_tokens": 0}, text="")
DOWN = Reply(status=503)
WRONG = Reply(status=400)


def operations() -> list[Operation]:
    """One for each way a request can end."""
    completed, broke = SettlementReason.COMPLETED, SettlementReason.UPSTREAM_BROKE
    stream = Served(STREAM, stream=True)
    broken = Served(BROKEN, stream=True)
    estimates = [_estimate(broken, BROKEN, count) for count in range(1, 5)]
    return [
        _request("answered", Served(ANSWER), completed, EXACT_NANO),
        _request("answered by the backup", Served(DOWN, ANSWER, backup=True), completed, EXACT_NANO),
        _request("without output", Served(SILENT), SettlementReason.NO_OUTPUT, 0),
        _request("not answered by any channel", Served(DOWN, DOWN, backup=True), SettlementReason.UPSTREAM_FAILED, 0),
        _request("refused by the provider", Served(WRONG), SettlementReason.UPSTREAM_REJECTED, 0),
        _request("streamed", stream, completed, EXACT_NANO, *_estimates(stream, STREAM)),
        _request("streamed for long", Served(LONG, stream=True), completed, EXACT_NANO, *_estimates(broken, LONG)),
        _request("broken off", broken, broke, estimates[-1], *estimates),
        _request(
            "left by its client",
            Served(STREAM, stream=True, client_reads_max=2),
            SettlementReason.CLIENT_LEFT,
            EXACT_NANO,
            *_estimates(stream, STREAM),
        ),
        _request("sent with a limited key", Served(ANSWER, limited=True), completed, EXACT_NANO, limited=True),
        _request("served by a clock that is behind", Served(ANSWER, skew_ms=-MINUTE_MS), completed, EXACT_NANO),
        _request("served by a clock that is ahead", Served(ANSWER, skew_ms=MINUTE_MS // 2), completed, EXACT_NANO),
        _request("too dear for the wallet", Served(ANSWER), None, 0, EXACT_NANO, funds_nano=1000),
        _request(
            "clamped to the balance", Served(ANSWER, max_tokens=None), completed, EXACT_NANO, funds_nano=CLAMPING_NANO
        ),
        _request(
            "clamped while somebody pays in",
            Served(ANSWER, max_tokens=None),
            completed,
            EXACT_NANO,
            funds_nano=CLAMPING_NANO,
            other=_pay_in,
        ),
        _request("answered while others spend", Served(ANSWER), completed, EXACT_NANO, other=_take_all),
        _request("that cannot be settled", Served(ANSWER), completed, EXACT_NANO, down=frozenset({"post"})),
    ]


def _request(
    name: str,
    served: Served,
    reason: SettlementReason | None,
    undisturbed_nano: int,
    *also_nano: int,
    funds_nano: int = FUNDS_NANO,
    limited: bool = False,
    other: Callable[[World], object] | None = None,
    down: frozenset[str] = frozenset(),
) -> Operation:
    """`also_nano` are charges that a disturbed run may come to, beside nothing and the undisturbed one; `down` names operations
    of the store that do not answer while the request is served."""

    def process(world: World) -> None:
        world.down = down
        served(world)

    def prepare(world: World) -> None:
        world.fund(WalletKind.OFFICIAL, funds_nano)
        world.fund(WalletKind.ROUTED, FUNDS_NANO)
        if limited:
            world.key_limit_nano = KEY_LIMIT_NANO
            world.store.set_key_spend_limit(*OFFICIAL, served.key_id, KEY_LIMIT_NANO)
        world.came_late = served.is_behind

    def check(world: World) -> None:
        charged = charged_nano(world)
        assert charged in (0, undisturbed_nano, *also_nano), f"{charged} nano were charged"
        assert world.provider_calls or not charged, "charged, though no provider was ever called"
        for told in world.told:
            if isinstance(told, dict) and told.get("charge", "0.00") != "0.00":
                assert decimal(charged) == told["charge"], "another charge than the client was told of"

    def check_undisturbed(world: World) -> None:
        assert charged_nano(world) == undisturbed_nano, f"{charged_nano(world)} nano were charged"
        if reason is SettlementReason.COMPLETED and not down:
            [told] = world.told
            assert isinstance(told, dict) and told["charge"] == decimal(undisturbed_nano), f"the client was told {told}"
        facts = [entry.request for entry in world.store.journal.values() if entry.request is not None]
        reasons = [fact.reason for fact in facts]
        assert reasons == [reason or SettlementReason.NOT_HELD], f"it ended as {reasons}"

    return Operation(f"a request {name}", prepare, process, check, check_undisturbed, cancellable=True, other=other)


def _pay_in(world: World) -> None:
    amount = Money(FUNDS_NANO, "USD")
    world.balances_at_peace().top_up(*OFFICIAL, amount, order_id=f"ord_{ulid('p')}", source="bank")


def _take_all(world: World) -> None:
    if available_nano := world.wallet().available_nano:
        amount, adjustment_id = Money(-available_nano, "USD"), f"adj_{ulid('t')}"
        world.balances_at_peace().adjust(*OFFICIAL, amount, adjustment_id=adjustment_id, reason="because")


def _estimates(served: Served, reply: Reply) -> list[int]:
    return [_estimate(served, reply, count) for count in range(1, len(reply.pieces) + 1)]


def _estimate(served: Served, reply: Reply, pieces: int) -> int:
    """The charge for so many pieces, when the provider did not get to say what it counted."""
    output_bytes = len("".join(reply.pieces[:pieces]).encode())
    usage = Usage(input=estimated_tokens(served.request.text_bytes), output=estimated_tokens(output_bytes))
    return price_usage(usage, PRICE)
