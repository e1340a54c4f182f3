from __future__ import annotations

import math

import numpy as np
import pytest

from tests.fakes import FakeResources
from tests.plugins.groups import RESOURCES, group, response
from udasa_core import Abstain, Score
from udasa_plugin_semantic.eccentricity import Eccentricity


class _ByHand(FakeResources):
    """Similarities given by hand: a matrix a set, in order."""

    def __init__(self, *matrices: object) -> None:
        super().__init__(RESOURCES.base)
        self._matrices = [np.array(matrix, dtype=float) for matrix in matrices]

    def similarity(self) -> _ByHand:  # type: ignore[override]  # itself
        return self

    def matrices(self, sets: object) -> list[np.ndarray]:
        return self._matrices


def _score(matrix: object, threshold: float = 0.9) -> tuple[Score, ...]:
    options = Eccentricity.Options(threshold=threshold)
    one = group(*(response(str(number)) for number in range(len(np.array(matrix)))))
    return Eccentricity(options, "eccentricity", _ByHand(matrix)).udasa_score([one], seed=0).scores[0]


def test_formula_by_hand() -> None:
    # Two that agree and one that does not: the eigenvalue 0 has (1, 1, 0)/√2 and (0, 0, 1), the other is 1.
    # Centred: (√2/6, √2/6, −√2/3) and (−1/3, −1/3, 2/3); so u² = 1/18 + 1/9 and 2/9 + 4/9.
    assert _score([[1, 1, 0], [1, 1, 0], [0, 0, 1]]) == pytest.approx(
        (math.sqrt(1 / 6), math.sqrt(1 / 6), math.sqrt(2 / 3))
    )


def test_both_ends_of_the_range() -> None:
    assert _score(np.ones((5, 5))) == (0.0,) * 5
    assert _score(np.eye(5)) == pytest.approx((math.sqrt(0.8),) * 5)


def test_the_threshold_says_which_eigenvectors_count() -> None:
    # Two responses of similarity ½: the eigenvalues are 0, with (1, 1)/√2, and ⅔, with (1, −1)/√2.
    matrix = [[1, 0.5], [0.5, 1]]
    assert _score(matrix) == pytest.approx((math.sqrt(0.5),) * 2)
    assert _score(matrix, threshold=0.6) == (0.0, 0.0)


def test_its_norm_over_the_responses_is_the_published_one_of_the_prompt() -> None:
    rows = np.random.default_rng(3).random((7, 4))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    matrix = rows @ rows.T
    roots = np.sqrt(matrix.sum(axis=0))
    values, vectors = np.linalg.eigh(np.eye(7) - matrix / roots[:, None] / roots[None, :])
    kept = [vector - vector.mean() for value, vector in zip(values, vectors.T, strict=True) if value < 0.97]
    assert len(kept) > 1
    published = np.linalg.norm([np.linalg.norm(vector) for vector in kept])
    assert np.linalg.norm(np.array(_score(matrix, 0.97))) == pytest.approx(published)


def test_neither_order_nor_a_repeated_eigenvalue_matters() -> None:
    # Three blocks: the eigenvalue 0 occurs three times, and its eigenvectors are anyone's choice.
    matrix = np.kron(np.eye(3), np.ones((2, 2)))
    random = np.random.default_rng(0)
    for _ in range(10):
        order = random.permutation(6)
        assert _score(matrix[np.ix_(order, order)]) == pytest.approx((math.sqrt(1 / 2 - 1 / 6),) * 6)
    rows = random.random((6, 3))
    matrix = rows @ rows.T / np.outer(np.linalg.norm(rows, axis=1), np.linalg.norm(rows, axis=1))
    plain = np.array(_score(matrix))
    for _ in range(10):
        order = random.permutation(6)
        assert np.array(_score(matrix[np.ix_(order, order)])) == pytest.approx(plain[order], abs=1e-9)


def test_equal_responses_have_equal_scores_to_the_last_bit() -> None:
    texts = ["a b", "c", "a b", "a d e", "c", "a b", "f g", "a d e"]
    one = group(*map(response, texts))
    scores = Eccentricity(Eccentricity.Options(), "e", RESOURCES).udasa_score([one], seed=0).scores[0]
    assert len({(text, score) for text, score in zip(texts, scores, strict=True)}) == 4
    assert len(set(scores)) > 2


def test_an_outlier_lies_furthest_out() -> None:
    texts = ["paris it is", "paris is it", "it is paris", "is it paris", "bananas"]
    one = group(*map(response, texts))
    scores = Eccentricity(Eccentricity.Options(), "e", RESOURCES).udasa_score([one], seed=0).scores[0]
    assert max(range(5), key=lambda index: scores[index]) == 4


def test_a_single_response_abstains() -> None:
    (only,) = _score([[1.0]])
    assert isinstance(only, Abstain)
