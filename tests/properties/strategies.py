"""Small amounts that meet each other often, and the edges where rounding happens."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import strategies as st

from tests.properties.words import Ending, Tariff
from tokens_forge.journal import FREE_OF_CHARGE, SettlementReason, UsageSource

CURRENCIES = {"official": "USD", "routed": "CNY"}
WALLETS = tuple((account, kind) for account in ("acc_00000000000a", "acc_00000000000b") for kind in CURRENCIES)
KEYS = ("key_a", "key_b")

# Nano per 1M tokens: about one nano a token, also a little more and less, so that rounding happens in most charges.
_unit = st.sampled_from([0, 1, 333_333, 500_000, 1_000_000, 1_000_001, 3_700_000, 40_000_000, 10**12])
_per_million = st.tuples(_unit, _unit, _unit, _unit)
_offered = _per_million.filter(lambda prices: bool(prices[0] or prices[3]))
_multiplier = st.sampled_from([None, Fraction(1), Fraction(9, 5), Fraction(1, 10**6), Fraction(7_123_457, 10**6)])
_tiers = st.lists(
    st.tuples(st.sampled_from([0, 10, 50, 100]), _offered), max_size=2, unique_by=lambda tier: tier[0]
).map(tuple)
_count = st.one_of(st.integers(0, 120), st.sampled_from([0, 1, 10, 11, 50, 51, 10**9]))
_paid = sorted(set(SettlementReason) - FREE_OF_CHARGE)
_free = sorted(FREE_OF_CHARGE)
_attempts = st.lists(
    st.tuples(st.sampled_from(["first", "second"]), st.sampled_from(["ok", "http_503"]), st.integers(0, 9)), max_size=2
).map(tuple)

amounts = st.one_of(st.integers(1, 600), st.sampled_from([1, 100, 500, 10**12]))
holds = st.one_of(st.integers(1, 300), st.integers(1, 300), st.sampled_from([1, 1000, 10**4]))


def tariffs(currency: str) -> st.SearchStrategy[Tariff]:
    """Prices in the wallet's currency, seldom in another."""
    currencies = st.integers(0, 9).map(lambda number: "EUR" if number == 7 else currency)
    return st.builds(Tariff, st.sampled_from(["v1", "v2"]), currencies, _offered, _tiers, _multiplier)


@st.composite
def paid_endings(draw: st.DrawFn) -> Ending:
    """Endings that may cost something."""
    tokens = draw(st.tuples(_count, _count, _count, _count))
    source = draw(st.sampled_from([UsageSource.PROVIDER.value, UsageSource.ESTIMATED.value]))
    reasoning = draw(st.integers(0, tokens[3]))
    return Ending(draw(st.sampled_from(_paid)).value, tokens, reasoning, source, draw(_attempts))


@st.composite
def free_endings(draw: st.DrawFn) -> Ending:
    """Endings that cost nothing, whatever happened."""
    return Ending(draw(st.sampled_from(_free)).value, attempts=draw(_attempts))


endings = st.one_of(paid_endings(), paid_endings(), free_endings())
