"""Aggregation `fitted-mean`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.fakes import FakeResources
from udasa_core import UdasaError
from udasa_plugin_aggregation.fitted_mean import FittedMean


def fitted(folder: Path, weights: dict[str, float]) -> FittedMean:
    file = folder / "weights.json"
    file.write_text(json.dumps({"format": 1, "dimensions": {}, "weights": weights}))
    return FittedMean(FittedMean.Options(source=f"file:{file}"), "fitted-mean", FakeResources())


def test_the_files_weights_count_and_not_the_tomls(tmp_path: Path) -> None:
    mean = fitted(tmp_path, {"one": 0.75, "two": 0.25})
    U = mean.udasa_aggregate({"one": [0.0, 1.0], "two": [1.0, 1.0]}, {"one": 1.0, "two": 9.0})
    assert U == [0.25, 1.0]
    assert mean.label_free is False


def test_a_dimension_of_weight_zero_in_the_toml_stays_silent(tmp_path: Path) -> None:
    mean = fitted(tmp_path, {"one": 0.75, "two": 0.25})
    assert mean.udasa_aggregate({"one": [0.5], "two": [1.0]}, {"one": 1.0, "two": 0.0}) == [0.5]
    assert mean.udasa_aggregate({"one": [0.5], "new": [1.0]}, {"one": 1.0, "new": 0.0}) == [0.5]


def test_missing_and_useless_weights_are_told(tmp_path: Path) -> None:
    with pytest.raises(UdasaError, match=r"no weight of the dimension 'new'; it has one"):
        fitted(tmp_path, {"one": 1.0}).udasa_aggregate({"new": [0.5]}, {"new": 1.0})
    with pytest.raises(UdasaError, match="all 0"):
        fitted(tmp_path, {"one": 0.0}).udasa_aggregate({"one": [0.5]}, {"one": 1.0})


def test_other_labels_make_another_fingerprint(tmp_path: Path) -> None:
    one = fitted(tmp_path, {"one": 1.0}).fingerprint
    assert fitted(tmp_path, {"one": 0.5}).fingerprint != one


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('{"format": 2}', "format: Input should be 1"),
        ('{"format": 1, "weights": {"one": -1}}', r"weights\.one: .*greater than or equal to 0"),
    ],
)
def test_a_file_that_is_wrong_says_where(tmp_path: Path, content: str, told: str) -> None:
    mean = fitted(tmp_path, {})
    (tmp_path / "weights.json").write_text(content)
    with pytest.raises(UdasaError, match=f"no file of fitted weights .*{told}"):
        _ = mean.fingerprint


def test_a_file_that_is_missing_is_told(tmp_path: Path) -> None:
    mean = fitted(tmp_path, {})
    (tmp_path / "weights.json").unlink()
    with pytest.raises(UdasaError, match="cannot be read"):
        _ = mean.fingerprint
