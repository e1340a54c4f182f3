"""Planted length-lovers and refusal-lovers are named, and honest columns are not."""

from __future__ import annotations

import numpy as np
import pytest

from tests.eval.planted import labelled, planted
from udasa_core import Resamples
from udasa_eval.experiments.confounds import Confounds, confounds


def found(seed: int) -> dict[str, Confounds]:
    return {one.column: one for one in confounds(planted(seed=seed), Resamples.draw(150, seed))}


@pytest.mark.parametrize("seed", range(4))
def test_planted_lovers_are_named_and_nobody_else(seed: int) -> None:
    verdicts = {name: one.verdict for name, one in found(seed).items()}
    assert "follows length" in verdicts["length-lover"]
    assert verdicts["refusal-lover"] == "follows refusal"
    assert verdicts["refusal-lover-honest"] == "follows refusal"
    assert verdicts["honest"] == ""
    assert verdicts["noise"] == ""


def test_figures_say_why() -> None:
    lover, honest = found(0)["length-lover"], found(0)["honest"]
    assert lover.metric("spearman_tokens").value < -0.9
    assert lover.metric("auroc_held_equal").low < 0.55
    assert honest.metric("auroc_held_equal").low > 0.75
    assert honest.metric("auroc_held_equal").n > 50
    assert found(0)["refusal-lover"].metric("lift_refusal").value < -0.9


def test_a_length_lover_is_named_even_where_long_answers_are_right() -> None:
    rng = np.random.default_rng(1)
    n = 1200
    questions = np.repeat(np.arange(150), 8)
    tokens = rng.integers(5, 60, n)
    right = rng.random(n) < tokens / 65
    u = 1 - tokens / 60 + 0.001 * rng.random(n)
    scores = labelled(list(questions), list(right), {"u": list(u.clip(0, 1))}, tokens=tokens)
    (one,) = confounds(scores, Resamples.draw(150, 0))
    assert one.verdict == "follows length"


def test_a_strong_dimension_is_not_named_where_wrong_answers_are_longer() -> None:
    rng = np.random.default_rng(2)
    n = 1200
    right = rng.random(n) < 0.5
    tokens = np.where(right, rng.integers(5, 30, n), rng.integers(10, 60, n))
    u = (0.3 + 0.4 * ~right + 0.004 * tokens + 0.05 * rng.normal(size=n)).clip(0, 1)
    scores = labelled(list(np.repeat(np.arange(150), 8)), list(right), {"u": list(u)}, tokens=tokens)
    (one,) = confounds(scores, Resamples.draw(150, 0))
    assert one.metric("spearman_tokens").value > 0.6
    assert one.verdict == ""


def test_too_few_questions_name_nobody() -> None:
    scores = labelled(
        [0, 0, 0, 1, 1, 1], [1, 0, 1, 0, 1, 1], {"u": [0.1, 0.2, 0.3] * 2}, tokens=np.array([9, 6, 3] * 2)
    )
    (one,) = confounds(scores, Resamples.draw(2, 0))
    assert one.metric("spearman_tokens").value == pytest.approx(-1.0)
    assert one.verdict == ""
