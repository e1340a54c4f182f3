from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from udasa_eval.measures.bleu import bleu, international_words

WORDS = st.lists(st.sampled_from(["a", "b", "c", "d", "e"]), max_size=12).map(" ".join)


def test_equal_texts_score_100_and_strangers_0() -> None:
    assert bleu("The cat sat on the mat.", "The cat sat on the mat.") == pytest.approx(100.0)
    assert bleu("The cat sat on the mat.", "Nothing like it, ever!") == 0.0
    assert bleu("", "a b c d") == 0.0


def test_precisions_by_hand() -> None:
    # 5/6 · 4/5 · 3/4 · 2/3 = 1/3
    assert bleu("the cat sat on the rug", "the cat sat on the mat") == pytest.approx(100 * (1 / 3) ** 0.25)
    # Clipped: "the" counts twice, so 3/5 of the words, 2/4, 1/3; no 4-gram of 2 matches: 1/(2 · 2).
    product = 3 / 5 * 2 / 4 * 1 / 3 * 1 / 4
    assert bleu("the the the cat the", "the the cat sat down") == pytest.approx(100 * product**0.25)


def test_a_short_text_is_penalised_and_one_below_four_words_scores_nothing() -> None:
    assert bleu("the cat sat on", "the cat sat on the mat") == pytest.approx(100 * math.exp(1 - 6 / 4))
    assert bleu("the cat sat", "the cat sat") == 0.0


def test_each_order_without_a_match_is_halved_once_more() -> None:
    # p = 4/4, 1/(2 · 3), 1/(4 · 2), 1/(8 · 1)
    assert bleu("a b c d", "b d a c") == pytest.approx(100 * (1 / 6 * 1 / 8 * 1 / 8) ** 0.25)


def test_case_counts() -> None:
    assert bleu("THE CAT SAT ON", "the cat sat on") == 0.0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It costs $3.50, or 2,000 yen!", ["It", "costs", "$", "3.50", ",", "or", "2,000", "yen", "!"]),
        # The substitutions of mteval-v14 leave a full stop with a number that ends the text.
        ("In 1955.", ["In", "1955."]),
        ("In 1955. ", ["In", "1955."]),
        ("end. Next", ["end", ".", "Next"]),
        ("don't", ["don", "'", "t"]),
        ("naïve — “yes”", ["naïve", "—", "“", "yes", "”"]),
        ("...", [".", ".", "."]),
        ("", []),
    ],
)
def test_words_are_those_of_the_international_form(text: str, words: list[str]) -> None:
    assert international_words(text) == words


# What sacrebleu 2.5.1 says with smooth_method="exp", tokenize="intl", use_effective_order=False.
@pytest.mark.parametrize(
    ("text", "reference", "score"),
    [
        (
            'It cost $3.50, or 2,000 yen — "maybe"!!',
            "It cost $3.50 or 2,000 yen.",
            25.712008025141323,
        ),
        ("a b. c d a b, c", "c a b, a d. b c a", 20.90067144241745),
        (
            "Yes, it is true that cats have nine lives.",
            "No, cats do not have nine lives.",
            25.965358893403383,
        ),
    ],
)
def test_as_sacrebleu_has_it(text: str, reference: str, score: float) -> None:
    assert bleu(text, reference) == pytest.approx(score, abs=1e-9)


@given(WORDS, WORDS)
def test_bounded_and_100_only_when_equal(text: str, reference: str) -> None:
    score = bleu(text, reference)
    assert 0.0 <= score <= 100.0 + 1e-9
    if score > 100.0 - 1e-9:
        assert text == reference or text.startswith(reference) or reference in text
