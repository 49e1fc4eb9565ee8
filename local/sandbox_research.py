"""What the sandbox upstream answers to a prompt of the research assistant: the facts it was given, each with its id.

No model thinks here. A sample run under `make run` comes to a report whose numbers can all be checked, and which says what it is.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

_ASKED = "put the id of its fact right behind it"  # in the rules of every stage: functions/research/prompts/common.md
_FACT = re.compile(r"^\[f:(?P<id>[\w.\-]+)\] (?P<label>[^\n]*?): (?P<value>[^\n:]+) \([\d\- to]+\)$", re.MULTILINE)
_HEADLINE = re.compile(r"^\[f:(?P<id>[\w.\-]+)\] \d{4}-\d\d-\d\d: (?P<title>[^\n]+)$", re.MULTILINE)
_OPENING = {
    "en": "This text comes from the sandbox of Tokens Forge: no real model wrote it. It repeats facts that it was given.",
    "zh": "本文由 Tokens Forge 的沙盒生成，并非真实模型所写。它只是重复所给出的事实，用来展示报告的形式。",
}
_CLOSING = {
    "en": "A real model would weigh these facts against each other here, and say what speaks for and against them.",
    "zh": "真实的模型会在这里权衡这些事实，并说明支持与反对的理由，以及仍然缺少哪些信息。",
}
_REPORT = ("summary", "price", "open questions")
_FACTS_SHOWN = 6


def research_text(body: dict[str, Any]) -> str | None:
    """The answer to a research prompt; None for any other request."""
    contents = [message.get("content") for message in body.get("messages") or [] if isinstance(message, dict)]
    texts = [content for content in contents if isinstance(content, str)]
    if len(texts) < 2 or _ASKED not in texts[0]:
        return None
    language = "zh" if "Write in Simplified Chinese" in texts[0] else "en"
    facts = [f"- {fact['label']}: {fact['value']} [f:{fact['id']}]" for fact in _FACT.finditer(texts[-1])]
    if language == "zh":
        facts = [f"- {fact['value']} [f:{fact['id']}]" for fact in _FACT.finditer(texts[-1])]
    lines = _some(facts, texts[0])
    if not lines:
        lines = [f"- [f:{headline['id']}]" for headline in _HEADLINE.finditer(texts[-1])]
    parts = [_OPENING[language], "\n".join(lines), _CLOSING[language]]
    if "## summary" in texts[0]:
        parts = [f"## {heading}\n\n{part}" for heading, part in zip(_REPORT, parts, strict=True)]
    return "\n\n".join(parts)


def _some(lines: list[str], rules: str) -> list[str]:
    """A few of them: others for each role, the same ones every time."""
    if len(lines) <= _FACTS_SHOWN:
        return lines
    start = int(hashlib.sha256(rules.encode()).hexdigest(), 16) % len(lines)
    return [(lines + lines)[start + offset] for offset in range(_FACTS_SHOWN)]
