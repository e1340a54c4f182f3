from __future__ import annotations

import numpy as np

from tests.plugins.groups import RESOURCES
from udasa_plugin_calibration.none import NoCalibration


def test_scores_stay_as_they_are_whatever_was_fitted() -> None:
    none = NoCalibration(NoCalibration.Options(), "none", RESOURCES)
    raw = np.array([0.0, 0.3, 1.0])
    assert none.udasa_calibrate(raw, none.udasa_fit(np.array([0.9, 0.8]))).tolist() == [0.0, 0.3, 1.0]
