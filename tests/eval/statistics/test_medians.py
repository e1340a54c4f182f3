from __future__ import annotations

import numpy as np
import pytest

from udasa_core import Resamples
from udasa_eval.statistics.medians import resampled_median


@pytest.mark.parametrize("values", [[3.0, 1.0, 2.0], [4.0, 1.0, 2.0, 3.0], [5.0], [1.0, 1.0, 9.0, np.nan]])
def test_every_resample_is_numpys_median(values: list[float]) -> None:
    given = np.array(values)
    resamples = Resamples.draw(len(given), seed=3, resamples=200)
    metric = resampled_median(resamples, "median", given)
    there = np.isfinite(given)
    assert metric.value == np.median(given[there])
    assert metric.n == there.sum()
    drawn = [
        np.median(np.repeat(given[there], row[there].astype(int)))
        for row in resamples.counts
        if row[there].any()
    ]
    assert (metric.low, metric.high) == pytest.approx(tuple(np.percentile(drawn, (2.5, 97.5))))


def test_nothing_has_no_median() -> None:
    metric = resampled_median(Resamples.draw(2, seed=0), "median", np.array([np.nan, np.nan]))
    assert np.isnan(metric.value)
    assert metric.n == 0
