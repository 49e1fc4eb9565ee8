"""Price versions: proposed, judged, and in force from a moment on that every process knows before it comes.

A version lasts until the next one of its model and currency starts. Its start lies far enough ahead that no process still prices
by a catalog without it: catalogs are cached for 30 seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from tokens_forge.admin.audit import Author
from tokens_forge.admin.catalog_changes import CatalogChanges, CatalogState, Stored
from tokens_forge.catalog import CACHED_MS_MAX, Catalog, CatalogThing, PriceVersion
from tokens_forge.clock import Clock
from tokens_forge.errors import Conflict, NotFound, RequestError
from tokens_forge.ids import DAY_MS, day_of, iso_of, random_letters
from tokens_forge.money import NANO_PER_UNIT, decimal
from tokens_forge.pricing import BUCKETS, PPM, Price, PriceTier, UnitPrices
from tokens_forge.wallets import OFFICIAL_CURRENCY, WalletKind

NOTICE_MS = 2 * CACHED_MS_MAX
AHEAD_MS_MAX = 400 * DAY_MS
UNIT_PRICE_NANO_MAX = 100_000 * NANO_PER_UNIT  # per 1M tokens; the dearest models are sold for hundreds
MULTIPLIER_PPM_MAX = 1000 * PPM
FACTOR_MAX = 10  # a larger step in one version is more often a slip of the decimal point than a price


@dataclass(frozen=True, slots=True)
class ProposedPrice:
    """A price as an admin asks for it. `starts_at_ms` None means: as soon as every process can know it."""

    model_id: str
    currency: str
    unit_prices: UnitPrices
    multiplier_ppm: int = PPM
    basis: str = "own"
    tiers: tuple[PriceTier, ...] = ()
    starts_at_ms: int | None = None
    allow_large_change: bool = False


class PriceVersions:
    """Its methods block."""

    def __init__(self, changes: CatalogChanges, clock: Clock) -> None:
        self._changes = changes
        self._clock = clock

    def create(self, kind: WalletKind, proposed: ProposedPrice, author: Author) -> Stored:
        """Add a version. Raises RequestError, or Conflict for one that overlaps another."""

        def plan(state: CatalogState) -> tuple[Stored | None, CatalogThing]:
            price = self.price_of(kind, proposed, state.catalog)
            return None, PriceVersion(proposed.model_id, price)

        return self._changes.change(kind, "price.create", proposed.model_id, author, plan)

    def withdraw(self, kind: WalletKind, model_id: str, version: str, author: Author) -> Stored:
        """Take back a version that has not started. Raises NotFound, or Conflict when it has, or nearly."""

        def plan(state: CatalogState) -> tuple[Stored | None, CatalogThing]:
            for stored in state.prices.get(model_id, ()):
                thing = stored.thing
                if isinstance(thing, PriceVersion) and thing.price.version == version:
                    if thing.withdrawn:
                        raise Conflict(f"The price {version} was withdrawn already.")
                    if thing.price.effective_at_ms < self._clock.now_ms() + NOTICE_MS:
                        raise Conflict(
                            f"The price {version} is in force or about to be: make a new version that follows it."
                        )
                    return stored, replace(thing, withdrawn=True)
            raise NotFound(f"{model_id!r} has no price version {version!r} on the {kind.label}.")

        return self._changes.change(kind, "price.withdraw", f"{model_id}#{version}", author, plan)

    def price_of(self, kind: WalletKind, proposed: ProposedPrice, catalog: Catalog) -> Price:
        """The price version that this would be. Raises RequestError or Conflict."""
        now_ms = self._clock.now_ms()
        if proposed.model_id not in catalog.models:
            raise RequestError(f"The {kind.label} has no model {proposed.model_id!r}. Make it first.", param="model")
        if kind is WalletKind.OFFICIAL and (proposed.currency != OFFICIAL_CURRENCY or proposed.basis != "own"):
            raise RequestError(
                f"Official models are sold at official prices in {OFFICIAL_CURRENCY}: no multiplier, no other currency.",
                param="currency" if proposed.currency != OFFICIAL_CURRENCY else "multiplier",
            )
        starts_at_ms = now_ms + NOTICE_MS if proposed.starts_at_ms is None else proposed.starts_at_ms
        self._check_start(starts_at_ms, now_ms)
        _check_amounts(proposed)
        try:
            price = Price(
                version=f"v{day_of(starts_at_ms).replace('-', '')}-{random_letters(6)}",
                currency=proposed.currency,
                unit_prices=proposed.unit_prices,
                multiplier_ppm=proposed.multiplier_ppm,
                basis=proposed.basis,
                tiers=proposed.tiers,
                effective_at_ms=starts_at_ms,
            )
        except ValueError as wrong:
            raise RequestError(f"{wrong}.", param="per_1m_tokens") from None
        for other in catalog.prices.get(proposed.model_id, ()):
            if other.currency == price.currency and other.effective_at_ms == starts_at_ms:
                raise Conflict(
                    f"The price version {other.version} of {proposed.model_id} starts at {iso_of(starts_at_ms)} too:"
                    " the two would overlap. Withdraw it first, or choose another start."
                )
        before = catalog.price_in_force(proposed.model_id, price.currency, starts_at_ms)
        if before is not None and not proposed.allow_large_change:
            _check_step(before, price)
        return price

    def _check_start(self, starts_at_ms: int, now_ms: int) -> None:
        if starts_at_ms < now_ms:
            raise RequestError("A price starts in the future: what was quoted stays quoted.", param="starts_at")
        if starts_at_ms < now_ms + NOTICE_MS:
            raise RequestError(
                f"A price starts at least {NOTICE_MS // 1000} s from now, so that every process knows it by then.",
                param="starts_at",
            )
        if starts_at_ms > now_ms + AHEAD_MS_MAX:
            raise RequestError("A price starts within 400 days from now.", param="starts_at")


def sentence(kind: WalletKind, model_id: str, price: Price) -> str:
    """Which wallet's settlement a price changes, in words."""
    other = WalletKind.ROUTED if kind is WalletKind.OFFICIAL else WalletKind.OFFICIAL
    what = f"multiplier of {decimal(price.multiplier_ppm * 1000)}" if price.basis == "official" else "price"
    return (
        f"This {what} changes what {kind.label} ({price.currency}) pays for {model_id} from"
        f" {iso_of(price.effective_at_ms)} on. {other.label} is not touched."
    )


def _check_amounts(proposed: ProposedPrice) -> None:
    if not 0 < proposed.multiplier_ppm <= MULTIPLIER_PPM_MAX:
        raise RequestError("A multiplier is above 0 and at most 1000.", param="multiplier")
    for prices in (proposed.unit_prices, *(tier.unit_prices for tier in proposed.tiers)):
        for bucket in BUCKETS:
            if getattr(prices, bucket) > UNIT_PRICE_NANO_MAX:
                raise RequestError("A price is at most 100000 per 1M tokens.", param=f"per_1m_tokens.{bucket}")


def _check_step(before: Price, after: Price) -> None:
    """Each price that was there and stays is at most ten times, and at least a tenth of, what it was."""
    for bucket in BUCKETS:
        old = getattr(before.unit_prices, bucket) * before.multiplier_ppm
        new = getattr(after.unit_prices, bucket) * after.multiplier_ppm
        if old and new and not old <= new * FACTOR_MAX <= old * FACTOR_MAX**2:
            raise RequestError(
                f"The {bucket} price would change by more than {FACTOR_MAX} times. If that is meant, say"
                " allow_large_change: true.",
                param=f"per_1m_tokens.{bucket}",
            )
