"""Sentences that are true of a snapshot, written by rules that know nothing of the checker, and ways to make them false."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal

from functions.research.facts import Fact, Unit

CHANGED = {Unit.CHANGE_PERCENT, Unit.CHANGE_POINTS}
SCALES = (("trillion", 12), ("billion", 9), ("bn", 9), ("B", 9), ("million", 6), ("M", 6), ("thousand", 3))
CHINESE_SCALES = (("万亿", 12), ("亿", 8), ("万", 4))
LEVELS = (
    "The {label} stands at {0} {c}.",
    "{label}: {0} {c}",
    "- **{0}** {c} for the {label}.",
    "At {0} {c}, the {label} is worth a note.",
    "As of June 30, 2026, the {label} was {0} {c}, which matters for Q3 2026.",
    "1. The {label} came to {0}. {c}",
    "| {label} | {0} {c} |",
    "The 10-K that was filed on 2025-10-31 supports it: {label} of {0}{c}.",
    "In fiscal 2025 the {label} was about {0} {c}; the S&P 500 is no part of this.",
    "Investors watch the {label} ({0} {c}) since 2024, and so does Inc. magazine.",
)
CHINESE_LEVELS = (
    "{label}为{0}{c}。",
    "截至2026年6月30日，{label}是{0} {c}。",
    "- {label}：{0}{c}",
    "第二，{label}约{0}{c}，值得关注；2025年的情况不同。",
)
CHANGES = (
    ("Over the period it {rose} {0} {c}.", "rose", "fell"),
    ("{label}: {rose} {0} {c}", "up", "down"),
    ("That is {0} {rose} {c} the level of before.", "above", "below"),
    ("It shows a {rose} of {0} {c}, in Q2 as in 2025.", "gain", "decline"),
    ("It ended {0} {rose} {c}.", "higher", "lower"),
    ("与之前相比{rose}{0}{c}。", "上涨", "下跌"),
    ("2025年{rose}了{0} {c}，趋势仍在。", "增长", "下降"),
)
SIGNED = ("A change of {0} {c} is shown.", "{label}: {0} {c}", "变动为{0}{c}。")
PAIRS = (
    "It lies between {0} and {1} [f:{a}, f:{b}].",
    "It went from {0} [f:{a}] to {1} [f:{b}] in June 2026.",
    "The first is {0} and the second {1} [f:{a}] [f:{b}].",
    "两者分别为{0}和{1}[f:{a}, f:{b}]。",
)


@dataclass(frozen=True)
class Claim:
    """A printed number in its parts. `digits` has no separators; what is printed is `before` + `digits` + `after`."""

    fact: Fact
    digits: str
    power: int
    before: str = ""
    after: str = ""
    grouped: bool = False

    @property
    def printed(self) -> str:
        whole, point, rest = self.digits.partition(".")
        return self.before + (f"{int(whole):,}" if self.grouped else whole) + point + rest + self.after

    def is_true_of(self, fact: Fact) -> bool:
        """Whether the digits say the fact's size: the oracle that the mutations go by."""
        if fact.number is None:
            return False
        step = Decimal(1).scaleb(self.power - len(self.digits.partition(".")[2]))
        return abs(Decimal(self.digits).scaleb(self.power) - abs(fact.number)) * 2 <= step


@dataclass(frozen=True)
class Statement:
    """A template with its claims. `words` fill the rest of it."""

    template: str
    claims: tuple[Claim, ...]
    words: dict[str, str]

    @property
    def text(self) -> str:
        return self.template.format(*(claim.printed for claim in self.claims), **self.words)


def true_statements(facts: Sequence[Fact], seed: int, count: int) -> Iterator[Statement]:
    """So many of them, in English and Chinese."""
    chance = random.Random(seed)
    numeric = [fact for fact in facts if fact.number is not None]
    for _ in range(count):
        fact = chance.choice(numeric)
        if chance.random() < 0.25:
            like = [other for other in numeric if other.unit is fact.unit and other.value != fact.value]
            if like and fact.unit not in CHANGED and not fact.value.startswith("-"):
                other = chance.choice([one for one in like if not one.value.startswith("-")])
                words = {"a": fact.fact_id, "b": other.fact_id}
                yield Statement(chance.choice(PAIRS), (_claim(fact, chance), _claim(other, chance)), words)
                continue
        yield _single(fact, chance)


def _single(fact: Fact, chance: random.Random) -> Statement:
    words = {"label": fact.label, "c": f"[f:{fact.fact_id}]"}
    value = fact.number
    assert value is not None
    if fact.unit in CHANGED and chance.random() < 0.6:
        template, up, down = chance.choice(CHANGES)
        return Statement(template, (_claim(fact, chance),), {**words, "rose": up if value >= 0 else down})
    claim = _claim(fact, chance)
    if value < 0:
        claim = replace(claim, before=chance.choice(("-", "−")) + claim.before)
    elif fact.unit in CHANGED:
        claim = replace(claim, before=chance.choice(("+", "")) + claim.before)
    if fact.unit in CHANGED:
        return Statement(chance.choice(SIGNED), (claim,), words)
    return Statement(chance.choice(CHINESE_LEVELS if _is_chinese(claim) else LEVELS), (claim,), words)


def _is_chinese(claim: Claim) -> bool:
    return not claim.after.isascii()


def _claim(fact: Fact, chance: random.Random) -> Claim:
    value = fact.number
    assert value is not None
    size, is_chinese = abs(value), chance.random() < 0.25
    power, word, grouped = 0, "", False
    fitting = [(name, p) for name, p in (CHINESE_SCALES if is_chinese else SCALES) if size >= Decimal(1).scaleb(p)]
    if fitting and chance.random() < 0.8:
        word, power = chance.choice(fitting[:3])
    elif size >= 1000:
        grouped = chance.random() < 0.7
    shown = size.scaleb(-power)
    decimals = (
        chance.choice((0, 1, 2)) if shown >= 10 else chance.choice((1, 2)) if shown >= 1 else chance.choice((2, 3))
    )
    digits = str(shown.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP))
    before, after = "", ""
    if word:
        after = word if is_chinese or len(word) == 1 else f" {word}"
    if fact.unit in {Unit.PERCENT, Unit.CHANGE_PERCENT}:
        after = "%" if is_chinese else chance.choice(("%", " %", " percent"))
    elif fact.unit is Unit.CHANGE_POINTS:
        after = "个百分点" if is_chinese else chance.choice((" percentage points", " points", "pp"))
    elif fact.unit is Unit.MONEY:
        if is_chinese:
            after += "美元"
        else:
            before, unit = chance.choice((("$", ""), ("", " USD"), ("USD ", ""), ("", ""), ("US$", "")))
            after += unit
    return Claim(fact, digits, power, before, after, grouped)


def mutations(statement: Statement, facts: Sequence[Fact], chance: random.Random) -> Iterator[tuple[str, str]]:
    """(name, false text) of every way that applies to the statement."""
    for name, mutate in MUTATIONS.items():
        text = mutate(statement, facts, chance)
        if text is not None:
            yield name, text


def _with_claim(statement: Statement, index: int, claim: Claim) -> str | None:
    """None when the change happens to be true."""
    if claim.is_true_of(claim.fact):
        return None
    claims = [*statement.claims[:index], claim, *statement.claims[index + 1 :]]
    return replace(statement, claims=tuple(claims)).text


def _other_digit(statement: Statement, facts: Sequence[Fact], chance: random.Random) -> str | None:
    index = chance.randrange(len(statement.claims))
    claim = statement.claims[index]
    place = chance.choice([at for at, letter in enumerate(claim.digits) if letter.isdigit()])
    digit = chance.choice([one for one in "123456789" if one != claim.digits[place]])
    return _with_claim(
        statement, index, replace(claim, digits=claim.digits[:place] + digit + claim.digits[place + 1 :])
    )


def _last_digit(statement: Statement, facts: Sequence[Fact], chance: random.Random) -> str | None:
    index = chance.randrange(len(statement.claims))
    claim = statement.claims[index]
    last = str((int(claim.digits[-1]) + chance.choice((1, 9))) % 10)
    return _with_claim(statement, index, replace(claim, digits=claim.digits[:-1] + last))


def _one_more_digit(statement: Statement, facts: Sequence[Fact], chance: random.Random) -> str | None:
    index = chance.randrange(len(statement.claims))
    claim = statement.claims[index]
    point = "" if "." in claim.digits else "."
    return _with_claim(statement, index, replace(claim, digits=claim.digits + point + chance.choice("123456789")))


def _swapped_digits(statement: Statement, facts: Sequence[Fact], chance: random.Random) -> str | None:
    index = chance.randrange(len(statement.claims))
    claim = statement.claims[index]
    whole = claim.digits.partition(".")[0]
    if len(whole) < 2 or whole[1] == "0":
        return None
    return _with_claim(statement, index, replace(claim, digits=whole[1] + whole[0] + claim.digits[2:]))


def _moved_point(statement: Statement, facts: Sequence[Fact], chance: random.Random) -> str | None:
    index = chance.randrange(len(statement.claims))
    claim = statement.claims[index]
    moved = Decimal(claim.digits).scaleb(chance.choice((1, -1)))
    return _with_claim(statement, index, replace(claim, digits=format(moved, "f")))


def _random_number(statement: Statement, facts: Sequence[Fact], chance: random.Random) -> str | None:
    index = chance.randrange(len(statement.claims))
    claim = statement.claims[index]
    digits = str(chance.randint(1, 999)) if "." not in claim.digits else f"{chance.uniform(0.1, 500):.1f}"
    return _with_claim(statement, index, replace(claim, digits=digits))


def _number_of_another_fact(statement: Statement, facts: Sequence[Fact], chance: random.Random) -> str | None:
    """A true number under the wrong id: what a check against any fact would let pass."""
    index = chance.randrange(len(statement.claims))
    claim = statement.claims[index]
    other = _claim(chance.choice([fact for fact in facts if fact.unit is claim.fact.unit]), chance)
    if len(statement.claims) > 1 and any(other.is_true_of(one.fact) for one in statement.claims):
        return None
    return _with_claim(statement, index, replace(other, fact=claim.fact))


def _other_scale(statement: Statement, facts: Sequence[Fact], chance: random.Random) -> str | None:
    index = chance.randrange(len(statement.claims))
    claim = statement.claims[index]
    words = {
        "trillion": "billion",
        "billion": "million",
        "million": "billion",
        "bn": "mn",
        "thousand": "million",
        "亿": "万",
    }
    for word, other in words.items():
        if word in claim.after and "万亿" not in claim.after:
            claims = [*statement.claims]
            claims[index] = replace(claim, after=claim.after.replace(word, other))
            return replace(statement, claims=tuple(claims)).text
    return None


def _other_direction(statement: Statement, facts: Sequence[Fact], chance: random.Random) -> str | None:
    claim = statement.claims[0]
    if claim.fact.unit not in CHANGED or Decimal(claim.digits) == 0:
        return None
    if "rose" in statement.words:
        _, up, down = next(one for one in CHANGES if one[0] == statement.template)
        words = {**statement.words, "rose": down if statement.words["rose"] == up else up}
        return replace(statement, words=words).text
    flipped = "+" if claim.before[:1] in {"-", "−"} else "-"
    return replace(statement, claims=(replace(claim, before=flipped + claim.before.lstrip("+-−")),)).text


def _percent_or_not(statement: Statement, facts: Sequence[Fact], chance: random.Random) -> str | None:
    index = len(statement.claims) - 1  # in "3 to 5 %" the first one needs no sign of its own
    claim = statement.claims[index]
    is_percent = claim.fact.unit in {Unit.PERCENT, *CHANGED}
    claims = [*statement.claims]
    claims[index] = replace(claim, after="" if is_percent else "%", before=claim.before if is_percent else "")
    return replace(statement, claims=tuple(claims)).text


def _percent_or_points(statement: Statement, facts: Sequence[Fact], chance: random.Random) -> str | None:
    claim = statement.claims[-1]
    if claim.fact.unit not in {Unit.PERCENT, *CHANGED}:
        return None
    other = chance.choice(
        ("%", " percent") if claim.fact.unit is Unit.CHANGE_POINTS else (" percentage points", "个百分点")
    )
    return replace(statement, claims=(*statement.claims[:-1], replace(claim, after=other))).text


def _other_currency(statement: Statement, facts: Sequence[Fact], chance: random.Random) -> str | None:
    text = statement.text
    for word, other in (("US$", "€"), ("$", "£"), (" USD", " EUR"), ("USD ", "GBP "), ("美元", "欧元")):
        if word in text:
            return text.replace(word, other)
    return None


def _wrong_id(statement: Statement, facts: Sequence[Fact], chance: random.Random) -> str | None:
    if len(statement.claims) > 1:
        return None
    claim = statement.claims[0]
    other = chance.choice([fact for fact in facts if fact.number is not None and not claim.is_true_of(fact)])
    return statement.text.replace(f"[f:{claim.fact.fact_id}]", f"[f:{other.fact_id}]")


def _unknown_id(statement: Statement, facts: Sequence[Fact], chance: random.Random) -> str | None:
    return statement.text.replace(f"f:{statement.claims[0].fact.fact_id}", f"f:{statement.claims[0].fact.fact_id}_x")


def _uncited(statement: Statement, facts: Sequence[Fact], chance: random.Random) -> str | None:
    text = statement.text
    for claim in statement.claims:
        for piece in (f"[f:{claim.fact.fact_id}]", f"f:{claim.fact.fact_id}, ", f", f:{claim.fact.fact_id}"):
            text = text.replace(piece, "")
    return text if "[f:" not in text else None


def _swapped_ids(statement: Statement, facts: Sequence[Fact], chance: random.Random) -> str | None:
    if len(statement.claims) < 2 or statement.claims[0].is_true_of(statement.claims[1].fact):
        return None
    words = {"a": statement.words["b"], "b": statement.words["a"]}
    return replace(statement, words=words).text


def _invented_beside_it(statement: Statement, facts: Sequence[Fact], chance: random.Random) -> str | None:
    value = chance.choice(("37", "4.2%", "$1.5 billion", "18", "two million", "12.5x"))
    if chance.random() < 0.5:
        return f"Against {value} before: {statement.text}"
    return f"{statement.text.rstrip('.。|')}, against {value} of the rivals."


def _spelled_out(statement: Statement, facts: Sequence[Fact], chance: random.Random) -> str | None:
    said = chance.choice(("twelve percent", "three billion dollars", "forty-two million", "百分之十二", "三十亿美元"))
    return f"{statement.text}\nThat is {said}."


def _other_script(statement: Statement, facts: Sequence[Fact], chance: random.Random) -> str | None:
    """A wrong number in full-width or Arabic digits."""
    claim = statement.claims[0]
    wrong = str(int(Decimal(claim.digits)) + chance.randint(7, 90))
    digits = chance.choice(("０１２３４５６７８９", "٠١٢٣٤٥٦٧٨٩"))
    text = "".join(digits[int(letter)] for letter in wrong)
    return _with_claim(statement, 0, replace(claim, digits=wrong, grouped=False)) and statement.text.replace(
        claim.printed, claim.before + text + claim.after
    )


def _advice(statement: Statement, facts: Sequence[Fact], chance: random.Random) -> str | None:
    said = (
        "Recommendation: buy.",
        "We recommend selling the shares.",
        "Investors should buy.",
        "It is a strong buy.",
        "建议买入。",
    )
    return f"{statement.text} {chance.choice(said)}"


MUTATIONS: dict[str, Callable[[Statement, Sequence[Fact], random.Random], str | None]] = {
    "another digit": _other_digit,
    "the last digit": _last_digit,
    "one digit more": _one_more_digit,
    "two digits swapped": _swapped_digits,
    "the point moved": _moved_point,
    "a random number": _random_number,
    "the number of another fact": _number_of_another_fact,
    "another scale": _other_scale,
    "the other direction": _other_direction,
    "percent or not": _percent_or_not,
    "percent or points": _percent_or_points,
    "another currency": _other_currency,
    "the id of another fact": _wrong_id,
    "an unknown id": _unknown_id,
    "no citation": _uncited,
    "two ids swapped": _swapped_ids,
    "an invented number beside it": _invented_beside_it,
    "a number in words": _spelled_out,
    "a wrong number in another script": _other_script,
    "advice": _advice,
}
