"""What can be wrong with a model's answer as a whole, before any number in it is looked at."""

from __future__ import annotations

from enum import StrEnum

from functions.research.words import Language


class Problem(StrEnum):
    """A reason not to use an answer as it is."""

    EMPTY = "empty"
    REFUSAL = "refusal"
    WRONG_LANGUAGE = "wrong_language"
    TOO_LONG = "too_long"


TEXT_BYTES_MAX = 200_000


def text_problems(text: str, language: Language) -> tuple[Problem, ...]:
    """Every problem of the answer; an empty tuple when it can be used."""
    raise NotImplementedError
