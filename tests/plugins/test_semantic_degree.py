from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes import FakeResources
from tests.plugins.groups import ODD_TEXTS, RESOURCES, group, response
from udasa_core import Abstain, Column, Group
from udasa_core.resources.similarity import EntailmentSimilarity
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


class _Entailing(FakeResources):
    """Similarity by an entailment model with probabilities of entailment given by hand."""

    def __init__(self, entailed: dict[tuple[str, str], float]) -> None:
        super().__init__(RESOURCES.base)
        self.entailed = entailed
        self.asked: list[list[tuple[str, str]]] = []

    def probabilities(self, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
        self.asked.append(list(pairs))
        return np.array([(1 - self.entailed[pair], 0.0, self.entailed[pair]) for pair in pairs])

    def similarity(self) -> EntailmentSimilarity:
        return EntailmentSimilarity(self)


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


def test_formula_by_hand_with_an_entailment_model() -> None:
    entailed = {
        ("a", "b"): 0.9,
        ("b", "a"): 0.5,
        ("a", "c"): 0.0,
        ("c", "a"): 0.2,
        ("b", "c"): 0.4,
        ("c", "b"): 0.4,
    }
    resources = _Entailing(entailed)
    degree = Degree(Degree.Options(), "semantic", resources)
    groups = [group(*map(response, "abc")), group(*map(response, "ab"))]
    # s_ab = 0.7, s_ac = 0.1, s_bc = 0.4
    assert degree.udasa_score(groups, seed=0).scores == (
        pytest.approx((0.6, 0.45, 0.75)),
        pytest.approx((0.3, 0.3)),
    )
    (asked,) = resources.asked
    assert sorted(asked) == sorted(entailed)


def test_is_the_degree_matrix_without_the_diagonal() -> None:
    words = ["a b", "a c", "a b c", "d"]
    similarity = RESOURCES.similarity().matrices([words])[0]
    published = 1 - similarity.sum(axis=1) / 4
    (scores,) = _score(group(*map(response, words))).scores
    assert np.array(scores) == pytest.approx(4 / 3 * published)


def test_the_final_answer_may_be_compared() -> None:
    texts = ("The capital of France is Paris.", "Paris", "It is Lyon, I think.", "")
    one = group(*map(response, texts), question="What is the capital of France?")
    by_text = Degree(Degree.Options(), "semantic", RESOURCES).udasa_score([one], seed=0).scores[0]
    by_answer = (
        Degree(Degree.Options(on="answer"), "semantic", RESOURCES).udasa_score([one], seed=0).scores[0]
    )
    assert by_text[1] == pytest.approx(1.0)
    # "Paris" twice, another answer, and an empty text that stays as it is.
    assert by_answer == pytest.approx((2 / 3, 2 / 3, 1.0, 1.0))


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
@given(st.lists(texts, min_size=2, max_size=8))
def test_equal_responses_have_equal_scores_to_the_last_bit(words: list[str]) -> None:
    scores = _score(group(*map(response, [*words, *words[::-1]]))).scores[0]
    assert scores == scores[::-1]
