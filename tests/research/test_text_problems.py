"""An answer that cannot be used is recognised before it is read."""

from __future__ import annotations

import pytest

from functions.research.headings import NOTHING_TO_READ
from functions.research.text_problems import TEXT_BYTES_MAX, Problem, text_problems
from functions.research.words import Language
from tests.research.example import CHINESE, ENGLISH, example_snapshot, example_texts

SNAPSHOT = example_snapshot()

FRENCH = (
    "Le cours de clôture se situe au milieu de la fourchette annuelle, et la tendance reste favorable malgré un recul récent de la "
    "dynamique. Les investisseurs surveillent surtout les résultats du prochain trimestre et la politique monétaire."
)
JAPANESE = "終値は年間の範囲の中央にあり、傾向は上向きですが、最近の勢いは弱まっています。これは重要な点です。"


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("text", ["", "   \n", "...", "[f:price.close]", "12 %", "---"])
def test_an_empty_answer_is_found(text: str, language: Language) -> None:
    assert text_problems(text, language) == (Problem.EMPTY,)


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't help with that.",
        "I cannot provide financial analysis.",
        "As an AI language model, I am unable to comment on markets.",
        "I’m sorry, I won’t write this report.",
        "抱歉，我无法提供投资分析。",
        "作为一个人工智能，我不能回答。",
    ],
)
def test_a_refusal_is_found_in_any_language(text: str) -> None:
    assert text_problems(text, Language.ENGLISH) == text_problems(text, Language.CHINESE) == (Problem.REFUSAL,)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        (CHINESE["final_report"], Language.ENGLISH),
        (ENGLISH["final_report"], Language.CHINESE),
        (FRENCH, Language.ENGLISH),
        (FRENCH, Language.CHINESE),
        (JAPANESE, Language.CHINESE),
        (JAPANESE, Language.ENGLISH),
    ],
)
def test_the_wrong_language_is_found(text: str, language: Language) -> None:
    assert text_problems(text, language) == (Problem.WRONG_LANGUAGE,)


def test_an_endless_answer_is_found() -> None:
    assert Problem.TOO_LONG in text_problems("The trend is up. " * (TEXT_BYTES_MAX // 16), Language.ENGLISH)


@pytest.mark.parametrize("text", [*example_texts(SNAPSHOT).values(), NOTHING_TO_READ[Language.ENGLISH]])
def test_an_english_answer_can_be_used(text: str) -> None:
    assert text_problems(text, Language.ENGLISH) == ()


@pytest.mark.parametrize("text", [*example_texts(SNAPSHOT, "zh").values(), NOTHING_TO_READ[Language.CHINESE]])
def test_a_chinese_answer_can_be_used(text: str) -> None:
    assert text_problems(text, Language.CHINESE) == ()


def test_a_report_that_speaks_of_what_cannot_be_known_is_no_refusal() -> None:
    text = (
        "The facts cannot settle whether the trend holds. " * 3 + "I cannot find a figure for margins among them. " * 20
    )
    assert text_problems(text, Language.ENGLISH) == ()
