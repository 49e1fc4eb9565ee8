"""The messages of a stage: its role's prompt, the facts, and what earlier stages wrote, within the stage's size."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from functions.research.facts import Fact, Unit
from functions.research.headings import NOTHING_TO_READ
from functions.research.presets import Role, Stage
from functions.research.prompts.fitting import CUT, cut_lines, cut_text, size
from functions.research.snapshot import Snapshot
from functions.research.words import Language

_PARTS: Mapping[Role, tuple[str, ...]] = {
    Role.PRICE_ANALYST: ("price.",),
    Role.FILINGS_ANALYST: ("edgar.",),
    Role.NEWS_ANALYST: ("news.",),
    Role.MACRO_ANALYST: ("fred.",),
}
FACTS_SHARE = 0.6


def build(stage: Stage, snapshot: Snapshot, earlier: Mapping[str, str], language: Language) -> list[dict[str, str]]:
    """Chat messages whose contents never exceed `stage.input_bytes_max` bytes in UTF-8.

    `earlier` are texts of finished stages by stage id. What does not fit is cut at a marked place. The same arguments give the
    same messages. For Role.REPAIR use `number_check.repair_messages`.
    """
    assert stage.role is not Role.REPAIR, "a repair is built from the text that it repairs"
    rules = rules_of(stage, snapshot, language)
    room = stage.input_bytes_max - size(rules)
    parts = [facts_part(stage, snapshot, int(room * FACTS_SHARE)), _missing_part(snapshot, room // 10)]
    room -= sum(size(part) for part in parts)
    parts += _earlier_parts(earlier, snapshot, room)
    return _messages(stage, rules, "".join(parts))


def build_repair(
    stage: Stage, text: str, wrong: list[str], snapshot: Snapshot, language: Language
) -> list[dict[str, str]] | None:
    """The request for a repair: the whole text, one line for each wrong place, and the facts.

    None when the text does not fit into `stage.input_bytes_max`: half of a report is not repaired, only cleaned.
    """
    rules = rules_of(stage, snapshot, language)
    report = f"# The report\n\n{fenced(text, snapshot)}\n\n"
    room = stage.input_bytes_max - size(rules) - size(report)
    if room < size(text) // 2:
        return None
    places = "# What is wrong\n\n" + cut_lines([f"- {line}" for line in wrong], room // 3) + "\n\n"
    facts = facts_part(stage, snapshot, room - size(places))
    return _messages(stage, rules, report + places + facts)


def text_without_a_call(stage: Stage, snapshot: Snapshot, language: Language) -> str | None:
    """What stands in for an analyst whose sources gave nothing: such a stage is finished without a call or a charge.

    None when the stage is to be sent.
    """
    if stage.role not in _PARTS or any(_is_read(stage, fact) for fact in snapshot.facts):
        return None
    return NOTHING_TO_READ[language]


def rules_of(stage: Stage, snapshot: Snapshot, language: Language) -> str:
    """The system message."""
    common = _prompt("common").format(
        symbol=snapshot.symbol,
        as_of=snapshot.as_of,
        mark=f"<<<{_mark(snapshot)} and {_mark(snapshot)}>>>",
        language=language.named,
        words=stage.size.words_max,
    )
    return f"{common}\n{_prompt(stage.role.value)}"


def facts_part(stage: Stage, snapshot: Snapshot, bytes_max: int) -> str:
    """The facts that the role reads, one a line; those that are outside text stand in a fence."""
    facts = [fact for fact in snapshot.facts if _is_read(stage, fact)]
    numbers = [_line(fact) for fact in facts if fact.unit is not Unit.TEXT]
    texts = [f"[f:{fact.fact_id}] {fact.window}: {fact.value}" for fact in facts if fact.unit is Unit.TEXT]
    part = f"# Facts\n\n{cut_lines(numbers, bytes_max * 3 // 4)}\n\n" if numbers else ""
    if texts:
        frame = size(fenced("", snapshot)) + 30
        room = bytes_max - size(part) - frame
        part += f"# Headlines\n\n{fenced(cut_lines(texts, room), snapshot)}\n\n"
    return part


def fenced(outside: str, snapshot: Snapshot) -> str:
    """Text that somebody else wrote, between marks that it cannot contain: they hold the snapshot's hash."""
    mark = _mark(snapshot)
    return f"<<<{mark}\n{outside.replace(mark, '')}\n{mark}>>>"


def _is_read(stage: Stage, fact: Fact) -> bool:
    return fact.fact_id.startswith(_PARTS.get(stage.role, ("",)))


def _line(fact: Fact) -> str:
    unit = {Unit.MONEY: f" {fact.currency}", Unit.PERCENT: " %", Unit.CHANGE_PERCENT: " %"}.get(fact.unit, "")
    return f"[f:{fact.fact_id}] {fact.label}: {fact.value}{unit} ({fact.window})"


def _missing_part(snapshot: Snapshot, bytes_max: int) -> str:
    if not snapshot.missing:
        return ""
    lines = [f"- {gap.source}: {gap.reason}" for gap in snapshot.missing]
    return f"# Missing\n\n{cut_lines(lines, bytes_max - 20)}\n\n"


def _earlier_parts(earlier: Mapping[str, str], snapshot: Snapshot, room: int) -> list[str]:
    """Every earlier text gets the same room; what a short one leaves goes to the longer ones behind it."""
    parts = []
    for index, (stage_id, text) in enumerate(sorted(earlier.items(), key=lambda one: size(one[1]))):
        share = room // (len(earlier) - index)
        head = f"# Text of {stage_id}\n\n"
        frame = size(head) + size(fenced("", snapshot)) + 2
        if share < frame + size(CUT):
            continue
        part = f"{head}{fenced(cut_text(text, share - frame), snapshot)}\n\n"
        parts.append((list(earlier).index(stage_id), part))
        room -= size(part)
    return [part for _, part in sorted(parts)]


def _messages(stage: Stage, rules: str, question: str) -> list[dict[str, str]]:
    messages = [{"role": "system", "content": rules}, {"role": "user", "content": question.rstrip() or "Begin."}]
    assert sum(size(message["content"]) for message in messages) <= stage.input_bytes_max, "a prompt has its size"
    return messages


def _mark(snapshot: Snapshot) -> str:
    return f"DATA-{snapshot.sha256[:12]}"


@cache
def _prompt(name: str) -> str:
    return (Path(__file__).parent / f"{name}.md").read_text(encoding="utf-8")
