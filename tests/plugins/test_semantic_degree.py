from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes import FakeResources
from tests.plugins.groups import ODD_TEXTS, RESOURCES, group, response
from udasa_core import Abstain, Column, Group
from udasa_plugin_semantic.degree import Degree


class _Embedder:
    """Vectors given by hand; remembers how often it was called."""

    def __init__(self, vectors: dict[str, tuple[float, ...]]) -> None:
        self.vectors = vectors
        self.calls = 0

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        self.calls += 1
        return np.array([self.vectors[text] for text in texts], dtype=np.float32)


class _Resources(FakeResources):
    def __init__(self, embedder: _Embedder) -> None:
        super().__init__(RESOURCES.base)
        self._by_hand = embedder

    def embedder(self) -> _Embedder:  # type: ignore[override]  # stands in for the fake one
        return self._by_hand


def _score(*groups: Group) -> Column:
    return Degree(Degree.Options(), "semantic", RESOURCES).udasa_score(groups, seed=0)


def test_formula_by_hand_and_one_call_for_the_shard() -> None:
    # cos(a, b) = 0.6, cos(a, c) = −1 → 0, cos(b, c) = −0.6 → 0
    embedder = _Embedder({"a": (1.0, 0.0), "b": (0.6, 0.8), "c": (-1.0, 0.0)})
    degree = Degree(Degree.Options(), "semantic", _Resources(embedder))
    column = degree.udasa_score(
        [group(response("a"), response("b"), response("c")), group(response("b"), response("b"))], seed=0
    )
    assert column.dimension == "semantic"
    assert column.scores[0] == pytest.approx((1 - 0.3, 1 - 0.3, 1.0), abs=1e-6)
    assert column.scores[1] == pytest.approx((0.0, 0.0), abs=1e-6)
    assert embedder.calls == 1


def test_duplicates_vote() -> None:
    many, one = response("paris is the capital"), response("bananas")
    scores = _score(group(many, many, many, one)).scores[0]
    assert scores[0] == pytest.approx(1 / 3)
    assert scores[3] == pytest.approx(1.0)


def test_a_single_response_abstains() -> None:
    (only,) = _score(group(response("alone"))).scores[0]
    assert isinstance(only, Abstain)
    assert "one response" in only.reason


def test_an_empty_response_is_scored() -> None:
    scores = _score(group(response(""), response("words here"), response("words here"))).scores[0]
    assert scores[0] == pytest.approx(1.0)
    assert scores[1] == pytest.approx(0.5)


texts = st.one_of(st.sampled_from(ODD_TEXTS), st.text(max_size=40))


@settings(max_examples=40, deadline=None)
@given(st.lists(texts, min_size=2, max_size=8), st.randoms())
def test_scores_are_bounded_and_move_with_their_responses(words: list[str], random: object) -> None:
    order = list(range(len(words)))
    random.shuffle(order)  # type: ignore[attr-defined]  # hypothesis types it loosely
    plain = _score(group(*map(response, words))).scores[0]
    moved = _score(group(*(response(words[index]) for index in order))).scores[0]
    assert all(isinstance(score, float) and 0.0 <= score <= 1.0 for score in plain)
    assert moved == pytest.approx([plain[index] for index in order], abs=1e-9)
