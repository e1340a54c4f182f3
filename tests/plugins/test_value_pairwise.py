"""Dimension `value.pairwise`: a planned reader, whose liking for places and for length must not be heard."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.fakes import FakeResources
from tests.plugins.groups import ODD_TEXTS, RESOURCES, group, response
from udasa_core import Abstain, Message, Score
from udasa_plugin_value.pairwise import ALL_LENGTH, ALONE, NO_MATCH, Pairwise


def sigma(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-x))


class Reader:
    """Says yes with the log-odds that `margin` gives for (first, second); remembers what it was asked."""

    def __init__(self, margin: Callable[[str, str], float]) -> None:
        self.margin = margin
        self.asked: list[tuple[str, str]] = []
        self.seen: list[tuple[Sequence[Message], Sequence[str]]] = []

    def yes_probabilities(
        self, conversations: Sequence[Sequence[Message]], questions: Sequence[str]
    ) -> np.ndarray:
        rows = []
        for conversation in conversations:
            self.seen.append((conversation, questions))
            head, _, second = conversation[-1].content.partition("\n\nThe second response:\n")
            first = head.removeprefix("\nThe first response:\n")
            self.asked.append((first, second))
            rows.append([sigma(self.margin(first, second))] * len(questions))
        return np.array(rows)


class Resources(FakeResources):
    def __init__(self, reader: Reader) -> None:
        super().__init__(RESOURCES.base)
        self.by_hand = reader

    def reader(self) -> Reader:  # type: ignore[override]  # stands in for the fake one
        return self.by_hand


def scored(reader: Reader, *texts: str, **options: Any) -> tuple[Score, ...]:
    dimension = Pairwise(Pairwise.Options.model_validate(options), "pairwise", Resources(reader))
    return dimension.udasa_score([group(*map(response, texts))], seed=0).scores[0]


def liking(**worth: float) -> Reader:
    """A reader that likes texts by the worth of their first letter."""
    return Reader(lambda first, second: worth[first[0]] - worth[second[0]])


def ln(text: str) -> float:
    return math.log1p(len(text))


def test_the_formula_by_hand_and_what_the_reader_sees() -> None:
    reader = liking(a=2.0, b=1.0, c=0.0)
    a, b, c = scored(reader, "a", "b", "c")
    assert a == pytest.approx(1 - (sigma(1) + sigma(2)) / 2)
    assert b == pytest.approx(0.5)
    assert c == pytest.approx(1 - (sigma(-1) + sigma(-2)) / 2)
    assert sorted(reader.asked) == [(x, y) for x in "abc" for y in "abc" if x != y], "K(K − 1) readings"
    conversation, questions = reader.seen[0]
    assert conversation[0] == Message("user", "Why?")
    assert conversation[1].role == "assistant"
    assert questions == ("Is the first response a better reply than the second response?",)


def test_a_liking_for_a_place_cancels() -> None:
    fair = liking(a=2.0, b=1.0, c=0.0)
    for bias in (-6.0, 3.0):
        biased = Reader(lambda first, second, bias=bias: fair.margin(first, second) + bias)  # type: ignore[misc]
        assert scored(biased, "a", "b", "c") == pytest.approx(scored(fair, "a", "b", "c"))
    always = Reader(lambda first, second: 9.0)
    assert scored(always, "a", "b", "c") == pytest.approx((0.5,) * 3)


@given(st.lists(st.integers(5, 400), min_size=3, max_size=8, unique=True), st.floats(-3.0, 3.0))
def test_a_reader_that_loves_length_alone_says_nothing(sizes: list[int], love: float) -> None:
    reader = Reader(lambda first, second: love * (ln(first) - ln(second)) + 0.7)
    texts = ["x" * size for size in sizes]
    # Within the bound on how sure a reader counts: length is all that it says, and all that is taken out.
    assert scored(reader, *texts) == pytest.approx((0.5,) * len(texts), abs=1e-6)
    free = scored(reader, *texts, length="free")
    if love > 0.1:
        assert min(range(len(texts)), key=lambda i: free[i]) == sizes.index(max(sizes))


def test_a_love_of_length_does_not_turn_a_verdict_round() -> None:
    """By hand: the better half is short and long alike; free, length wins, and held, the better half does."""
    worth = {"g": 0.5, "b": 0.0}
    texts = ["g" * 10, "g" * 300, "b" * 10 + "!", "b" * 300 + "!"]
    reader = Reader(lambda first, second: worth[first[0]] - worth[second[0]] + 1.0 * (ln(first) - ln(second)))
    free = scored(reader, *texts, length="free")
    assert free[3] < free[0], "the long bad one is liked better than the short good one"
    held = scored(reader, *texts)
    pairs = [(i, j) for i in range(4) for j in range(i + 1, 4)]
    d = [ln(texts[i]) - ln(texts[j]) for i, j in pairs]
    x = [worth[texts[i][0]] - worth[texts[j][0]] + one for (i, j), one in zip(pairs, d, strict=True)]
    slope = sum(a * b for a, b in zip(x, d, strict=True)) / sum(b * b for b in d)
    left = {pair: a - slope * b for pair, a, b in zip(pairs, x, d, strict=True)}
    for i in range(4):
        won = [sigma(v if i == pair[0] else -v) for pair, v in left.items() if i in pair]
        assert held[i] == pytest.approx(1 - sum(won) / 3)
    assert max(held[:2]) < min(held[2:])
    assert np.corrcoef([ln(text) for text in texts], held)[0, 1] == pytest.approx(0.0, abs=0.05)


def test_responses_that_differ_much_in_length_are_not_compared() -> None:
    reader = liking(a=2.0, b=1.0, c=0.0)
    a, b, c = scored(reader, "a" * 4, "b" * 6, "c" * 60, max_length_ratio=1.5, length="free")
    assert (a, b) == pytest.approx((1 - sigma(1), 1 - sigma(-1)))
    assert c == NO_MATCH
    assert len(reader.asked) == 2
    # One comparison of unequal lengths, with lengths held, is all length.
    assert scored(reader, "a" * 4, "b" * 6, "c" * 60, max_length_ratio=1.5) == (
        ALL_LENGTH,
        ALL_LENGTH,
        NO_MATCH,
    )
    assert scored(reader, "aa", "bbb") == (ALL_LENGTH,) * 2
    assert scored(reader, "aa", "bb") == pytest.approx((1 - sigma(1), 1 - sigma(-1)))
    assert scored(reader, "", "b", max_length_ratio=2.0, length="free") == (NO_MATCH,) * 2


def test_equal_texts_are_one() -> None:
    reader = liking(a=2.0, b=0.0)
    a, b, again, other = scored(reader, "a", "b", "a", "b")
    assert (a, b) == pytest.approx((1 - sigma(2), 1 - sigma(-2)))
    assert (again, other) == (a, b)
    assert len(reader.asked) == 2
    assert scored(reader, "a", "a") == (ALONE,) * 2
    assert scored(reader, "a") == (ALONE,)


@pytest.mark.parametrize(("others", "count", "readings"), [(2, 8, 16), (4, 8, 32), (6, 7, 42), (8, 5, 20)])
def test_each_is_compared_with_so_many_others(others: int, count: int, readings: int) -> None:
    reader = Reader(lambda first, second: float(ord(first) - ord(second)))
    texts = [chr(ord("a") + index) for index in range(count)]
    scores = scored(reader, *texts, others=others)
    assert len(reader.asked) == len(set(reader.asked)) == readings
    met = [sum(first == text for first, _ in reader.asked) for text in texts]
    assert set(met) == {min(others, count - 1)}
    assert all(isinstance(score, float) for score in scores)


def test_the_order_of_responses_does_not_matter_where_all_are_compared() -> None:
    reader = Reader(lambda first, second: math.sin(len(first)) - math.cos(len(second)))
    texts = ("one", "three", "sixteen", "twenty-two", "a hundred and one")
    forward = scored(reader, *texts)
    assert scored(reader, *texts[::-1])[::-1] == pytest.approx(forward)


def test_odd_texts_have_scores() -> None:
    scores = scored(Reader(lambda first, second: 0.1 * (len(first) > 9)), *ODD_TEXTS)
    assert all(isinstance(score, float) and 0.0 <= score <= 1.0 for score in scores)
    assert not any(isinstance(score, Abstain) for score in scores)


@pytest.mark.parametrize("options", [{"others": 3}, {"others": 0}, {"max_length_ratio": 0.5}, {"ask": " "}])
def test_options_that_make_no_sense_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Pairwise.Options.model_validate(options)
