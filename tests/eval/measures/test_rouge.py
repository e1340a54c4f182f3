from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from udasa_eval.measures.rouge import rouge_l

WORDS = st.lists(st.sampled_from(["a", "b", "c", "d", "\n"]), max_size=12).map(" ".join)


def test_one_sentence_by_hand() -> None:
    # The longest common subsequence has 3 words: a b d. Precision 3/4, recall 3/5: F = 2 · 3 / 9.
    assert rouge_l("a b c d", "a x b d y") == pytest.approx(100 * 6 / 9)
    assert rouge_l("The cat!", "the CAT.") == pytest.approx(100.0)
    assert rouge_l("one", "two") == 0.0
    assert rouge_l("", "two") == 0.0
    assert rouge_l("...", "two") == 0.0


def test_the_union_over_sentences_is_that_of_the_papers_example() -> None:
    """Lin 2004, section 3.2: the union of w1 w2 and w1 w3 w5 is four of the reference's five words."""
    reference, text = "w1 w2 w3 w4 w5", "w1 w2 w6 w7 w8\nw1 w3 w8 w9 w5"
    # Recall 4/5, precision 4/10.
    assert rouge_l(text, reference) == pytest.approx(100 * 2 * 4 / 15)


def test_a_word_of_the_text_is_counted_once() -> None:
    # Both of the reference's sentences find the one "a": it is a hit once.
    assert rouge_l("a", "a\na") == pytest.approx(100 * 2 / 3)


def test_a_full_stop_between_spaces_ends_a_sentence() -> None:
    assert rouge_l("b c . a", "a . b c") == pytest.approx(100.0)
    assert rouge_l("b c a", "a b c") == pytest.approx(100 * 4 / 6)


# What rouge_score 0.1.2 says of `rougeLsum`, times 100.
@pytest.mark.parametrize(
    ("text", "reference", "score"),
    [
        ("a b\nc d a\n\nb c", "c a b\na d\n b c a", 80.0),
        ("Yes, it is true that cats have nine lives.", "No, cats do not have nine lives.", 50.0),
        ("x a b c y\na c b", "a b c d\nb a c", 80.0),
    ],
)
def test_as_rouge_score_has_it(text: str, reference: str, score: float) -> None:
    assert rouge_l(text, reference) == pytest.approx(score, abs=1e-9)


@given(WORDS, WORDS)
def test_bounded_and_whole_against_itself(text: str, reference: str) -> None:
    assert 0.0 <= rouge_l(text, reference) <= 100.0 + 1e-9
    assert rouge_l(text, text) == pytest.approx(100.0 if text.split() else 0.0)
