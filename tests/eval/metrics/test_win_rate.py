"""The win rates as metrics of `evaluate`: the plain functions' figures."""

from __future__ import annotations

import numpy as np
import pytest

from udasa_eval.judges.win_rate import length_controlled_win_rate


def test_both_metrics() -> None:
    from udasa_eval.metrics.win_rate import LengthControlledWinRate, WinRate

    preferences = [1.0, 0.5, 0.0, 1.0]
    lengths, baseline = [120.0, 80.0, 40.0, 100.0], [60.0, 90.0, 70.0, 95.0]
    assert WinRate().compute(predictions=preferences) == {"win_rate": 0.625}
    found = LengthControlledWinRate().compute(
        predictions=preferences, lengths=lengths, baseline_lengths=baseline
    )
    expected = length_controlled_win_rate(np.array(preferences), np.array(lengths), np.array(baseline))
    assert found == {"length_controlled_win_rate": pytest.approx(expected)}
