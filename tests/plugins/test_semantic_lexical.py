from __future__ import annotations

import re
import time
from collections.abc import Sequence
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.plugins.groups import ODD_TEXTS, RESOURCES, group, response
from udasa_core import Abstain, Score, words
from udasa_plugin_semantic.lexical import Lexical


def _score(*texts: str) -> tuple[Score, ...]:
    lexical = Lexical(Lexical.Options(), "lexical", RESOURCES)
    return lexical.udasa_score([group(*map(response, texts))], seed=0).scores[0]


def test_formula_by_hand() -> None:
    # Of 5, 4 and 1 words the first two share "the cat on", and either shares "cat" with the third.
    scores = _score("The cat sat on it.", "the cat, on mats", "CAT")
    one, two, three = 2 * 3 / 9, 2 * 1 / 6, 2 * 1 / 5
    assert scores == pytest.approx((1 - (one + two) / 2, 1 - (one + three) / 2, 1 - (two + three) / 2))


def test_order_counts() -> None:
    assert _score("a b c", "c b a")[0] == pytest.approx(1 - 1 / 3)


def test_ends_of_the_range() -> None:
    assert _score("Same words!", "same WORDS", "Same, words.") == (0.0, 0.0, 0.0)
    assert _score("one", "two", "three") == (1.0, 1.0, 1.0)
    (only,) = _score("alone")
    assert isinstance(only, Abstain)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It's 3.5 km, Mr. O'Neil_2!", ["it", "s", "3", "5", "km", "mr", "o", "neil", "2"]),
        ("Größe, Żółć", ["grösse", "żółć"]),
        ("שלום עולם!", ["שלום", "עולם"]),
        ("東京は日本", ["東", "京", "は", "日", "本"]),
        ("GPT在东京", ["gpt", "在", "东", "京"]),
        ("🙂 🎉", ["🙂", "🎉"]),
        (" \n", []),
    ],
)
def test_words_in_any_script(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@given(st.text(alphabet=st.characters(max_codepoint=127), max_size=60))
def test_ascii_words_are_those_of_rouge_score(text: str) -> None:
    expected = re.sub(r"[^a-z0-9]+", " ", text.lower()).split()
    assert words(text) == expected or not expected


def test_other_scripts_mean_something() -> None:
    scores = _score("巴黎是法国的首都", "法国的首都是巴黎", "我喜欢香蕉")
    assert scores[0] < 0.9 < scores[2]  # type: ignore[operator]  # never abstains here


def _table(one: Sequence[str], other: Sequence[str]) -> int:
    """The textbook recursion."""

    @cache
    def length(i: int, j: int) -> int:
        if i == 0 or j == 0:
            return 0
        if one[i - 1] == other[j - 1]:
            return length(i - 1, j - 1) + 1
        return max(length(i - 1, j), length(i, j - 1))

    return length(len(one), len(other))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from("abcd"), max_size=14), st.lists(st.sampled_from("abcd"), max_size=14))
def test_the_longest_common_subsequence_is_the_textbook_one(one: list[str], other: list[str]) -> None:
    if not one and not other:
        return
    expected = 1 - 2 * _table(one, other) / (len(one) + len(other))
    assert _score(" ".join(one), " ".join(other)) == pytest.approx((expected, expected))


def test_long_texts_take_no_time() -> None:
    texts = [" ".join(str(number * step % 997) for number in range(2_000)) for step in range(1, 9)]
    begun = time.perf_counter()
    _score(*texts, *ODD_TEXTS)
    assert time.perf_counter() - begun < 5.0
