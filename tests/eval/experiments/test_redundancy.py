"""What dimensions share and what each adds."""

from __future__ import annotations

import numpy as np
import pytest

from tests.eval.planted import labelled, planted
from udasa_core import Resamples
from udasa_eval.experiments.labelled import LabelledScores
from udasa_eval.experiments.redundancy import redundancy

NAN = np.nan


def test_by_hand() -> None:
    # Ranks of a: 1 2 3; of b: 3 1 2. Means: 4 3 5 (halved): a alone orders right below both wrong, the mean
    # one of them.
    scores = labelled([0, 0, 0], [1, 0, 0], {"a": [0.1, 0.2, 0.3], "b": [0.9, 0.1, 0.2]})
    found = redundancy(scores, ["a", "b"], Resamples.draw(1, 0))
    assert found.together.value == 0.5
    assert [one.value for one in found.incremental] == [0.5, -0.5]  # without a: 0; without b: 1
    assert found.spearman[0] == pytest.approx([1.0, -0.5])


def test_a_copy_adds_nothing_and_an_honest_column_much() -> None:
    scores = planted()
    columns = {
        "honest": scores.columns["honest"],
        "copy": scores.columns["honest"],
        "noise": scores.columns["noise"],
    }
    scores = LabelledScores(
        scores.questions,
        scores.right,
        columns,
        scores.tokens,
        scores.truncated,
        scores.refusal,
        scores.answers,
    )
    found = redundancy(scores, ["honest", "noise"], Resamples.draw(150, 0))
    honest, noise = found.incremental
    assert honest.low > 0.2
    assert noise.high < 0
    assert abs(found.spearman[0, 1]) < 0.1
    twins = redundancy(scores, ["honest", "copy"], Resamples.draw(150, 0))
    assert twins.spearman == pytest.approx(np.ones((2, 2)))
    assert [one.value for one in twins.incremental] == pytest.approx([0.0, 0.0])


def test_abstentions_leave_the_rank_to_the_other_columns() -> None:
    scores = labelled(
        [0, 0, 0], [1, 0, 0], {"a": [0.1, NAN, 0.3], "b": [0.1, 0.9, 0.3], "constant": [0.5, 0.5, 0.5]}
    )
    found = redundancy(scores, ["a", "b", "constant"], Resamples.draw(1, 0))
    assert found.together.value == 1.0
    assert np.isnan(found.spearman[0, 2])
    assert [one.value for one in found.incremental] == pytest.approx([0.0, 0.0, 0.0])
