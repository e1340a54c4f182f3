"""Similarity of texts: symmetric, 1 on the diagonal, and asked for once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from tests.fakes import FakeEmbedder
from tests.plugins.classifiers import make_tiny_classifier
from udasa_core.models.resolve import resolve_encoder
from udasa_core.resources.shared import SharedResources
from udasa_core.resources.similarity import EmbedderSimilarity, EntailmentSimilarity

ORDER = ("contradiction", "neutral", "entailment")
SETS = (("a", "b", "c"), ("b", "b", "a"), ("d",), ())


class Planned:
    """Entailment as planned by pair, (contradiction, neutral, entailment); remembers what it was asked."""

    def __init__(self, planned: Mapping[tuple[str, str], tuple[float, float, float]]) -> None:
        self.planned = dict(planned)
        self.asked: list[list[tuple[str, str]]] = []

    def probabilities(self, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
        self.asked.append(list(pairs))
        rows = [self.planned.get(pair, (0.2, 0.3, 0.5)) for pair in pairs]
        return np.array(rows, dtype=np.float64).reshape(-1, 3)


def test_similarity_is_the_mean_of_both_directions() -> None:
    similarity = EntailmentSimilarity(Planned({("a", "b"): (0.1, 0.1, 0.8), ("b", "a"): (0.3, 0.5, 0.2)}))
    (matrix,) = similarity.matrices([("a", "b")])
    assert matrix == pytest.approx(np.array([[1.0, 0.5], [0.5, 1.0]]))
    # Equal texts are equally near everything, and at 1 to one another.
    (matrix,) = similarity.matrices([("a", "b", "a")])
    assert matrix == pytest.approx(np.array([[1.0, 0.5, 1.0], [0.5, 1.0, 0.5], [1.0, 0.5, 1.0]]))


def test_all_sets_are_asked_in_one_call_and_each_pair_once() -> None:
    planned = Planned({})
    found = EntailmentSimilarity(planned).matrices(SETS)
    assert [matrix.shape for matrix in found] == [(3, 3), (3, 3), (1, 1), (0, 0)]
    (asked,) = planned.asked
    assert sorted(asked) == sorted((x, y) for x in "abc" for y in "abc" if x != y)
    assert found[2].tolist() == [[1.0]]


def test_equivalence_needs_entailment_in_both_directions() -> None:
    yes, no, torn = (0.1, 0.3, 0.6), (0.1, 0.6, 0.3), (0.0, 0.5, 0.5)
    for one, other, same in (
        (yes, yes, True),
        (yes, no, False),
        (no, yes, False),
        (no, no, False),
        # A tie is no entailment: the first of equals is neutral.
        (yes, torn, False),
        # Likeliest, though not likely: .4 against .3 and .3.
        ((0.3, 0.3, 0.4), yes, True),
    ):
        similarity = EntailmentSimilarity(Planned({("a", "b"): one, ("b", "a"): other}))
        (matrix,) = similarity.equivalences([("a", "b", "a")], cosine=0.99)
        assert matrix.dtype == np.bool_
        assert matrix.tolist() == [[True, same, True], [same, True, same], [True, same, True]]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> SharedResources:
    folder: Path = make_tiny_classifier(tmp_path_factory.mktemp("nli"), ORDER)
    ref = resolve_encoder(f"file:{folder}", root=folder, dtype="float32", device="cpu")
    return SharedResources({"entailment": ref}, folder, lambda event: None)


def test_a_real_model_gives_symmetric_matrices_whatever_the_order(shared: SharedResources) -> None:
    texts = ("why", "me", "are you kind", "is a not", "why", "")
    (matrix,) = shared.similarity().matrices([texts])
    assert (matrix == matrix.T).all()
    assert (np.diag(matrix) == 1).all()
    assert ((matrix >= 0) & (matrix <= 1)).all()
    assert matrix[0, 4] == 1
    reads = shared.reads.copy()
    order = [3, 0, 5, 4, 1, 2]
    backwards, alone = shared.similarity().matrices([[texts[at] for at in order], texts[1:3]])
    assert (backwards == matrix[np.ix_(order, order)]).all()
    assert (alone == matrix[1:3, 1:3]).all()
    assert shared.reads == reads == {"texts classified": 5 * 4}
    (same,) = shared.similarity().equivalences([texts], cosine=0.5)
    assert (same == same.T).all()
    assert np.diag(same).all()


def test_an_embedders_similarity_is_the_cosine() -> None:
    similarity = EmbedderSimilarity(FakeEmbedder())
    found = similarity.matrices([("red cat", "red dog", "red cat"), ("red dog", "red cat"), ()])
    assert found[0] == pytest.approx(np.array([[1, 0.5, 1], [0.5, 1, 0.5], [1, 0.5, 1]]), abs=1e-6)
    assert (found[0] == found[0].T).all()
    assert found[0][0, 0] == found[0][0, 2] == 1.0  # not 0.99999994
    assert found[1][0, 1] == found[0][1, 0]
    assert found[2].shape == (0, 0)
    (same,) = similarity.equivalences([("red cat", "red dog", "red cat")], cosine=0.6)
    assert same.tolist() == [[True, False, True], [False, True, False], [True, False, True]]


def test_negative_cosines_are_0() -> None:
    class Opposite:
        def embed(self, texts: Sequence[str]) -> np.ndarray:
            return np.array([[1.0, 0.0] if text == "a" else [-1.0, 0.0] for text in texts], dtype=np.float32)

    (matrix,) = EmbedderSimilarity(Opposite()).matrices([("a", "b")])
    assert matrix.tolist() == [[1.0, 0.0], [0.0, 1.0]]
