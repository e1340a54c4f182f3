from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.plugins.groups import RESOURCES
from udasa_core import UdasaError, testing
from udasa_eval.experiments.fits import fit_isotonic, fit_platt
from udasa_plugin_calibration.isotonic import Isotonic
from udasa_plugin_calibration.platt import Platt

CURVES: dict[str, Any] = {
    "isotonic": {"scores": [0.2, 0.4, 0.8], "wrong": [0.1, 0.5, 0.9]},
    "platt": {"slope": 4.0, "intercept": -2.0},
}


def _file(folder: Path, dimensions: dict[str, Any], **more: Any) -> str:
    path = folder / "weights.json"
    path.write_text(json.dumps({"format": 1, "dimensions": dimensions, **more}))
    return f"file:{path}"


def _isotonic(source: str) -> Isotonic:
    return Isotonic(Isotonic.Options(source=source), "isotonic", RESOURCES)


def _platt(source: str) -> Platt:
    return Platt(Platt.Options(source=source), "platt", RESOURCES)


def test_isotonic_interpolates_its_knots_and_is_flat_outside(tmp_path: Path) -> None:
    isotonic = _isotonic(_file(tmp_path, {"semantic": CURVES, "other": CURVES}))
    state = isotonic.udasa_fit(np.array([0.99]), "semantic")
    assert {name: list(values) for name, values in state.items()} == CURVES["isotonic"]
    calibrated = isotonic.udasa_calibrate(np.array([0.0, 0.2, 0.3, 0.6, 1.0]), state)
    assert calibrated == pytest.approx([0.1, 0.1, 0.3, 0.7, 0.9])


def test_platt_is_a_logistic_curve(tmp_path: Path) -> None:
    platt = _platt(_file(tmp_path, {"semantic": CURVES}))
    state = platt.udasa_fit(np.array([]), "semantic")
    expected = [1 / (1 + math.exp(2.0)), 0.5, 1 / (1 + math.exp(-2.0))]
    assert platt.udasa_calibrate(np.array([0.0, 0.5, 1.0]), state) == pytest.approx(expected)


def test_labels_went_in_and_the_file_is_the_fingerprint(tmp_path: Path) -> None:
    source = _file(tmp_path, {"semantic": CURVES}, weights={"semantic": 1.0})
    digest = hashlib.sha256((tmp_path / "weights.json").read_bytes()).hexdigest()
    for calibration in (_isotonic(source), _platt(source)):
        assert calibration.fingerprint == digest
        assert calibration.label_free is False


def test_a_dimension_that_was_not_fitted_is_told_with_those_that_were(tmp_path: Path) -> None:
    source = _file(tmp_path, {"semantic": {"platt": CURVES["platt"]}, "factual": CURVES})
    with pytest.raises(UdasaError, match="no curve of the dimension 'safety'; it has semantic, factual"):
        _platt(source).udasa_fit(np.array([0.5]), "safety")
    with pytest.raises(UdasaError, match="no isotonic curve of the dimension 'semantic'"):
        _isotonic(source).udasa_fit(np.array([0.5]), "semantic")
    empty = _file(tmp_path, {"semantic": {"isotonic": CURVES["isotonic"]}})
    with pytest.raises(UdasaError, match="no Platt curve of the dimension 'semantic'"):
        _platt(empty).udasa_fit(np.array([0.5]), "semantic")


@pytest.mark.parametrize(
    ("curves", "told"),
    [
        ({"isotonic": {"scores": [0.5, 0.4], "wrong": [0.1, 0.2]}}, "scores do not ascend"),
        ({"isotonic": {"scores": [0.4, 0.4], "wrong": [0.1, 0.2]}}, "scores do not ascend"),
        ({"isotonic": {"scores": [0.4, 0.5], "wrong": [0.2, 0.1]}}, "wrong falls"),
        ({"isotonic": {"scores": [0.4], "wrong": [0.2, 0.3]}}, "1 scores and 2 values"),
        ({"isotonic": {"scores": [], "wrong": []}}, "at least 1 item"),
        (
            {"isotonic": {"scores": [0.4], "wrong": [1.2]}},
            r"semantic\.isotonic\.wrong\.0: .*less than or equal",
        ),
        (
            {"platt": {"slope": -0.1, "intercept": 0.0}},
            r"semantic\.platt\.slope: .*greater than or equal to 0",
        ),
        ({"platt": {"slope": 1.0}}, r"intercept: Field required"),
    ],
)
def test_a_file_that_is_wrong_says_where(tmp_path: Path, curves: dict[str, Any], told: str) -> None:
    source = _file(tmp_path, {"semantic": curves})
    with pytest.raises(UdasaError, match=told) as caught:
        _ = _isotonic(source).fingerprint
    assert "write it anew with `udasa experiment fit-weights`" in str(caught.value)


def test_a_file_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(UdasaError, match="cannot be read"):
        _ = _platt(f"file:{tmp_path / 'none.json'}").fingerprint
    other = tmp_path / "weights.json"
    other.write_text("[1, 2")
    with pytest.raises(UdasaError, match="no file of fitted curves"):
        _ = _platt(f"file:{other}").fingerprint
    other.write_text('{"format": 2, "dimensions": {}}')
    with pytest.raises(UdasaError, match="format: Input should be 1"):
        _ = _platt(f"file:{other}").fingerprint


def test_what_is_fitted_is_what_is_read(tmp_path: Path) -> None:
    """Knots and numbers of the fits pass through the file, and come out monotone and near the truth."""
    random = np.random.default_rng(3)
    raw = random.random(4000)
    wrong = random.random(4000) < 0.1 + 0.8 * raw
    knots, levels = fit_isotonic(raw, wrong)
    slope, intercept = fit_platt(raw, wrong)
    curves = {
        "isotonic": {"scores": knots.tolist(), "wrong": levels.tolist()},
        "platt": {"slope": slope, "intercept": intercept},
    }
    source = _file(tmp_path, {"semantic": curves})
    asked = np.linspace(0.02, 0.98, 49)
    for calibration in (_isotonic(source), _platt(source)):
        calibrated = calibration.udasa_calibrate(asked, calibration.udasa_fit(raw, "semantic"))
        assert (np.diff(calibrated) >= 0).all()
        assert np.abs(calibrated - (0.1 + 0.8 * asked)).max() < 0.12


@given(st.floats(0.0, 1e6), st.floats(-1e6, 1e6), st.lists(st.floats(0.0, 1.0), min_size=2, max_size=9))
def test_platt_is_bounded_and_monotone_for_any_curve(
    slope: float, intercept: float, raw: list[float]
) -> None:
    platt = _platt("file:unread")
    state = {"slope": [slope], "intercept": [intercept]}
    calibrated = platt.udasa_calibrate(np.sort(raw), state)
    assert calibrated.min() >= 0.0
    assert calibrated.max() <= 1.0
    assert (np.diff(calibrated) >= 0.0).all()


@pytest.mark.parametrize("factory", [Isotonic, Platt])
def test_they_pass_the_conformance_kit(tmp_path: Path, factory: Any) -> None:
    options = {"source": _file(tmp_path, {"planted": CURVES})}
    testing.check_factory("calibration", factory, options)
    testing.check_calibration(factory, options)
