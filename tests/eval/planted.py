"""Labelled scores whose truth is planted: an honest column, noise, and columns that follow length or
refusal."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from udasa_eval.experiments.labelled import LabelledScores


def squashed(values: NDArray[Any]) -> NDArray[np.float64]:
    result: NDArray[np.float64] = 1.0 / (1.0 + np.exp(-values))
    return result


def planted(questions: int = 150, responses: int = 8, seed: int = 0) -> LabelledScores:
    """Right with a chance that differs by question; wrong responses are a little longer, and some refuse."""
    rng = np.random.default_rng(seed)
    n = questions * responses
    question = np.repeat(np.arange(questions), responses)
    right = rng.random(n) < rng.beta(1.0, 1.2, questions)[question]
    refusal = (rng.random(n) < 0.15) & ~right
    tokens = np.clip((25 * np.exp(rng.normal(0, 0.5, n)) + 4 * ~right).astype(int), 2, 60)
    columns = {
        # Strong, and falls with the length a little: correlated, but no length-lover.
        "honest": squashed(2.0 * ~right + rng.normal(size=n) - 0.5 * np.log(tokens / 25)),
        "noise": rng.random(n),
        "length-lover": squashed(-2.5 * np.log(tokens / 25) + 0.1 * rng.normal(size=n)),
        "refusal-lover": squashed(-8.0 * refusal + rng.normal(size=n)),
        # Sees rightness among the answers, and still likes refusals best.
        "refusal-lover-honest": squashed(-9.0 * refusal + 2.0 * ~right + rng.normal(size=n)),
    }
    answers = ["right" if is_right else f"wrong {rng.integers(4)}" for is_right in right]
    return LabelledScores(question, right, columns, tokens, tokens >= 60, refusal, answers)


def labelled(
    questions: list[int], right: list[int], columns: dict[str, list[float]], **others: Any
) -> LabelledScores:
    """Return small scores written by hand; what is not given is equal for all."""
    n = len(questions)
    given: dict[str, Any] = {
        "tokens": np.full(n, 10),
        "truncated": np.zeros(n, bool),
        "refusal": np.zeros(n, bool),
        "answers": [f"answer {number}" for number in range(n)],
    }
    given.update(others)
    return LabelledScores(
        np.array(questions),
        np.array(right, bool),
        {name: np.array(values, float) for name, values in columns.items()},
        **given,
    )
