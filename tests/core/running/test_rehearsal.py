"""What calibration and aggregation would refuse after sampling is told before it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import udasa_core
from tests.canned import calls, configuration
from udasa_core.api import load
from udasa_core.errors import ConfigError
from udasa_core.plugins.catalog import read_catalog
from udasa_core.plugins.stack import chosen_plugins
from udasa_core.running.rehearsal import rehearsal_faults

CURVE = {"platt": {"slope": 1.0, "intercept": 0.0}}


def write(path: Path, plain: object) -> str:
    path.write_text(json.dumps(plain))
    return f"file:{path}"


def told(plain: dict[str, Any]) -> list[str]:
    config, catalog = load(plain), read_catalog()
    return [str(fault) for fault in rehearsal_faults(config, catalog, chosen_plugins(config, catalog))]


def test_a_run_stops_before_its_first_sample(tmp_path: Path, tiny_model_dir: Path) -> None:
    veto = {"use": "veto", "dimensions": ["one", "tow"]}
    before = calls["generate"]
    with pytest.raises(ConfigError, match=r"aggregation: .*names 'tow'; those of the run are one, two"):
        udasa_core.run(configuration(tmp_path, tiny_model_dir, aggregation=veto))
    assert calls["generate"] == before


def test_files_of_fitted_figures_are_read(tmp_path: Path, tiny_model_dir: Path) -> None:
    def refused(**tables: Any) -> str:
        return "\n".join(told(configuration(tmp_path, tiny_model_dir, **tables)))

    empty = write(tmp_path / "empty.json", {})
    assert "calibration: " in (said := refused(calibration={"use": "platt", "source": empty}))
    assert "is no file of fitted curves" in said
    assert "is no file of fitted weights" in refused(aggregation={"use": "fitted-mean", "source": empty})
    some = write(tmp_path / "some.json", {"format": 1, "weights": {"one": 1.0}, "dimensions": {"one": CURVE}})
    assert "no curve of the dimension 'two'" in refused(calibration={"use": "platt", "source": some})
    assert "no weight of the dimension 'two'" in refused(aggregation={"use": "fitted-mean", "source": some})
    whole = {"one": CURVE, "two": CURVE}
    both = write(tmp_path / "both.json", {"format": 1, "dimensions": whole})
    assert refused(calibration={"use": "platt", "source": both}) == ""


def test_what_is_not_here_yet_is_not_fetched(tmp_path: Path, tiny_model_dir: Path) -> None:
    away = f"pypi:nobody-nothing==1.0/weights.json#sha256={'0' * 64}"
    plain = configuration(tmp_path, tiny_model_dir, aggregation={"use": "fitted-mean", "source": away})
    assert told(plain) == []
