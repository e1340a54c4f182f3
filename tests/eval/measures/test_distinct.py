from __future__ import annotations

import math

import pytest

from udasa_eval.measures.distinct import distinct, distinct_metric, word_ngrams


def test_ngrams_are_of_lower_case_words_and_signs() -> None:
    assert word_ngrams("Don't stop, NOW", 1) == [("don't",), ("stop",), (",",), ("now",)]
    assert word_ngrams("a b c", 2) == [("a", "b"), ("b", "c")]
    assert word_ngrams("a", 2) == []


def test_distinct_by_hand() -> None:
    texts = ["a b a b", "a b c"]
    assert distinct(texts, 1) == pytest.approx(3 / 7)
    # ab ba ab, ab bc: three of five
    assert distinct(texts, 2) == pytest.approx(3 / 5)
    # aba bab, abc
    assert distinct(texts, 3) == 1.0
    with pytest.raises(ValueError, match="distinct-5"):
        distinct(texts, 5)


def test_the_interval_is_the_jackknifes_over_prompts() -> None:
    metric = distinct_metric("distinct_1", [["a b"], ["a c", "d"], ["a"]], 1)
    # Without each prompt: {a, c, d} of 4, {a, b} of 3, {a, b, c, d} of 5.
    left_out = [3 / 4, 2 / 3, 4 / 5]
    mean = sum(left_out) / 3
    error = math.sqrt(2 / 3 * sum((one - mean) ** 2 for one in left_out))
    assert metric.value == pytest.approx(4 / 6)
    assert metric.error == pytest.approx(error)
    assert metric.low == pytest.approx(4 / 6 - 1.96 * error, abs=1e-4)
    assert metric.high == pytest.approx(4 / 6 + 1.96 * error, abs=1e-4)
    assert metric.n == 3


def test_one_prompt_has_no_error_and_none_no_figure() -> None:
    alone = distinct_metric("d", [["a a"], []], 1)
    assert (alone.value, alone.low, alone.high, alone.n, alone.error) == (0.5, 0.0, 1.0, 1, None)
    assert math.isnan(distinct_metric("d", [["a"], []], 2).value)
