"""Presets: which model calls a run makes, in which order, and how large each one can be. All of it is known before the run."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from functions.research.words import PRICE_SOURCES, SourceName


class Tier(StrEnum):
    """Which of the two chosen models a stage is sent to."""

    QUICK = "quick"
    DEEP = "deep"


class Role(StrEnum):
    """Who a stage speaks as. Each has a prompt of its own, prompts/<role>.md."""

    PRICE_ANALYST = "price_analyst"
    FILINGS_ANALYST = "filings_analyst"
    NEWS_ANALYST = "news_analyst"
    MACRO_ANALYST = "macro_analyst"
    BULL = "bull"
    BEAR = "bear"
    JUDGE = "judge"
    RISK_REVIEW = "risk_review"
    FINAL_REPORT = "final_report"
    REPAIR = "repair"


READS: Mapping[Role, frozenset[SourceName]] = MappingProxyType(
    {
        Role.PRICE_ANALYST: PRICE_SOURCES,
        Role.FILINGS_ANALYST: frozenset({SourceName.EDGAR}),
        Role.NEWS_ANALYST: frozenset({SourceName.RSS, SourceName.SAMPLE}),
        Role.MACRO_ANALYST: frozenset({SourceName.FRED}),
    }
)


@dataclass(frozen=True, slots=True)
class Size:
    """The most, and the usual, of one call. The model is asked for `words_max` words.

    Bytes are those of all its messages in UTF-8: an upper bound of its tokens.
    """

    input_bytes_max: int
    output_tokens_max: int
    words_max: int
    input_bytes_typical: int
    output_tokens_typical: int


@dataclass(frozen=True, slots=True)
class Stage:
    """One single-turn model call. Stages of one `group` run in parallel, groups run in rising order.

    An `optional` stage counts in the highest price of a run and not in the typical one: it is sent only when it is needed.
    """

    stage_id: str
    role: Role
    tier: Tier
    group: int
    size: Size
    optional: bool = False

    @property
    def input_bytes_max(self) -> int:
        """What the prompt never exceeds."""
        return self.size.input_bytes_max

    @property
    def output_tokens_max(self) -> int:
        """The output limit that is sent with the call."""
        return self.size.output_tokens_max


@dataclass(frozen=True, slots=True)
class Preset:
    """A size of report. `analysts` are called if at least one source that they read was asked for."""

    name: str
    analysts: tuple[Role, ...]
    rounds: int
    sizes: Mapping[Role, Size]

    def stages(self, sources: Collection[SourceName]) -> tuple[Stage, ...]:
        """Every call of a run over these sources, in order: analysts, debate, judge, risk review, final report, repair."""
        return tuple(self._stages(frozenset(sources)))

    def _stages(self, sources: frozenset[SourceName]) -> Iterator[Stage]:
        group = 0
        for role in self.analysts:
            if READS[role] & sources:
                yield Stage(role.value, role, Tier.QUICK, group, self.sizes[role])
        for number in range(1, self.rounds + 1):
            for role in (Role.BULL, Role.BEAR):
                group += 1
                yield Stage(f"{role}_{number}", role, Tier.QUICK, group, self.sizes[role])
        for role, tier in (
            (Role.JUDGE, Tier.DEEP),
            (Role.RISK_REVIEW, Tier.QUICK),
            (Role.FINAL_REPORT, Tier.DEEP),
            (Role.REPAIR, Tier.DEEP),
        ):
            group += 1
            yield Stage(role.value, role, tier, group, self.sizes[role], optional=role is Role.REPAIR)


_ANALYSTS = (Role.PRICE_ANALYST, Role.FILINGS_ANALYST, Role.NEWS_ANALYST, Role.MACRO_ANALYST)


def _preset(
    name: str, rounds: int, *, small: tuple[int, int], middle: tuple[int, int], large: tuple[int, int], words: int
) -> Preset:
    """`small`, `middle` and `large` are (input bytes, output tokens) of analysts and debate, of judge and risk, of the report."""
    by_role = dict.fromkeys((*_ANALYSTS, Role.BULL, Role.BEAR), small)
    by_role |= {Role.JUDGE: middle, Role.RISK_REVIEW: middle, Role.FINAL_REPORT: large, Role.REPAIR: large}
    share = {role: 3 if role in {Role.FINAL_REPORT, Role.REPAIR} else 1 for role in by_role}
    return Preset(
        name=name,
        analysts=_ANALYSTS,
        rounds=rounds,
        sizes=MappingProxyType(
            {
                role: Size(bytes_max, tokens_max, words * share[role], bytes_max * 2 // 5, words * share[role] * 2)
                for role, (bytes_max, tokens_max) in by_role.items()
            }
        ),
    )


# Output limits leave room for reasoning, which counts as output and is not seen.
PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        preset.name: preset
        for preset in (
            _preset("brief", 1, small=(24_000, 1_500), middle=(28_000, 2_000), large=(32_000, 4_000), words=150),
            _preset("standard", 1, small=(32_000, 3_000), middle=(40_000, 4_000), large=(48_000, 8_000), words=300),
            _preset("deep", 2, small=(48_000, 5_000), middle=(64_000, 8_000), large=(80_000, 16_000), words=500),
        )
    }
)
