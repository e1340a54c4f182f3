"""What costs no training, against a trained arm: figures by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tests.eval.experiments.test_premise_report import measured, premise
from udasa_eval.experiments.arms import BASE
from udasa_eval.experiments.premise_tables import tables
from udasa_eval.experiments.premise_untrained import against_untrained


def test_each_untrained_way_by_hand() -> None:
    base = np.array([[1, 0, 0, 0], [1, 1, 1, 0]])
    trained = np.array([[1, 1, 0, 0], [1, 1, 1, 1]])
    greedy = np.array([[0, 0, 0, 0], [1, 1, 1, 1]])
    found = premise(
        measured(BASE, base),
        measured(BASE, greedy, temperature=0.0, tuned=False),
        measured("uncertainty", trained),
    )
    values = {one.measure: one.difference.value for one in against_untrained(found, "uncertainty")}
    assert values == {
        "one response − greedy": pytest.approx(0.75 - 0.5),
        "one response − majority": pytest.approx(0.75 - 0.5),
        # `measured` calls any right response the best by U.
        "one response − best by U": pytest.approx(0.75 - 1.0),
        "majority − majority": pytest.approx(0.0),
    }
    assert any("costs no training" in str(one) for one in tables(found))


def test_seeds_are_averaged() -> None:
    found = premise(
        measured(BASE, [[1, 0]], seed=7),
        measured(BASE, [[1, 1]], seed=8),
        measured("uncertainty", [[1, 1]], seed=7),
        measured("uncertainty", [[1, 1]], seed=8),
    )
    values = {one.measure: one.difference.value for one in against_untrained(found, "uncertainty")}
    # The base's majority is right with one seed of two; nothing was sampled greedily.
    assert values["one response − majority"] == pytest.approx(0.5)
    assert "one response − greedy" not in values
