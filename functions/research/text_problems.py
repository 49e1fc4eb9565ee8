"""What can be wrong with a model's answer as a whole, before any number in it is looked at."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum

from functions.research.printed_numbers import CITATION
from functions.research.words import Language

TEXT_BYTES_MAX = 200_000
REFUSAL_LENGTH_MAX = 800
WORDS_TO_JUDGE_BY = 30
_REFUSAL = re.compile(
    r"\b(?:i(?:['’]m| am)? (?:sorry|unable|not able|can(?:no|['’])t|cannot|won['’]t)"
    r"|i (?:can(?:['’]t|not)|must decline|decline|won['’]t|am unable)|as an ai\b|unable to (?:assist|help|comply))"
    r"|抱歉|对不起|我(?:无法|不能)(?:提供|协助|完成|回答|帮助)|作为(?:一个|一名)?(?:AI|人工智能)",
    re.IGNORECASE,
)
_HAN = re.compile(r"[\u3400-\u9fff]")
_KANA_OR_HANGUL = re.compile(r"[\u3040-\u30ff\uac00-\ud7af]")
_ENGLISH = re.compile(
    r"\b(?:the|of|and|to|in|a|is|that|for|on|with|as|by|are|was|at|from|this|be|its|not|an|or|which|has|it|but|than|over|these"
    r"|their|more|no|if|while|also|have|were|would|could|may)\b"
)


class Problem(StrEnum):
    """A reason not to use an answer as it is."""

    EMPTY = "empty"
    REFUSAL = "refusal"
    WRONG_LANGUAGE = "wrong_language"
    TOO_LONG = "too_long"


def text_problems(text: str, language: Language) -> tuple[Problem, ...]:
    """Every problem of the answer; an empty tuple when it can be used."""
    return tuple(_problems(text, language))


def _problems(text: str, language: Language) -> Iterator[Problem]:
    prose = CITATION.sub(" ", text)
    if not any(letter.isalpha() for letter in prose):
        yield Problem.EMPTY
        return
    if len(text.encode("utf-8", "surrogatepass")) > TEXT_BYTES_MAX:
        yield Problem.TOO_LONG
    if len(prose) <= REFUSAL_LENGTH_MAX and _REFUSAL.search(prose[:200]):
        yield Problem.REFUSAL
    elif not _is_in(language, prose):
        yield Problem.WRONG_LANGUAGE


def _is_in(language: Language, prose: str) -> bool:
    """By its script; English also by its small words, since other languages share the script."""
    letters = sum(letter.isalpha() for letter in prose)
    han, other = len(_HAN.findall(prose)), len(_KANA_OR_HANGUL.findall(prose))
    if language is Language.CHINESE:
        return han >= 0.3 * letters and other <= 0.1 * han
    words = re.findall(r"[^\W\d_]+", prose.lower())
    if han + other > 0.2 * letters:
        return False
    return len(words) < WORDS_TO_JUDGE_BY or len(_ENGLISH.findall(prose.lower())) >= 0.12 * len(words)
