"""Stages and their trainers as the TOML names them, for each policy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import udasa_core
from tests.canned import configuration
from udasa_core.errors import ConfigError
from udasa_core.plugins.catalog import read_catalog
from udasa_core.plugins.stack import cautions

NAMES = ["early", "late"]
TABLES: dict[str, dict[str, Any]] = {
    "quantiles": {"names": NAMES},
    "thresholds": {"names": NAMES, "bounds": [0.3]},
    "certain-first": {"names": NAMES, "order": ["late", "early"]},
    "selective": {"names": NAMES},
    "risk-controlled": {"names": NAMES, "bounds": [0.1, 0.2]},
    "shuffled": {"options": {"names": NAMES}},
    "reversed": {"names": NAMES},
    "single": {"names": ["late"]},
}


@pytest.mark.parametrize("use", TABLES)
def test_a_stage_of_any_name_has_a_trainer_and_one_that_is_not_made_is_told(
    use: str, tmp_path: Path, tiny_model_dir: Path
) -> None:
    trainer = {"use": "tests.canned:Trainer", "late": {"learning_rate": 5.0}}
    plain = configuration(tmp_path, tiny_model_dir, stages={"use": use, **TABLES[use]}, trainer=trainer)
    assert dict(udasa_core.load(plain).stage_trainers)["late"].options == {"learning_rate": 5.0}
    plain["trainer"] = {**trainer, "latte": {"learning_rate": 1.0}}
    with pytest.raises(ConfigError, match=r'trainer\.latte: is not a known key\s+→ did you mean "late"'):
        udasa_core.load(plain)


def test_a_run_trains_the_stages_that_the_policy_names(tmp_path: Path, tiny_model_dir: Path) -> None:
    stages = {"use": "selective", "names": NAMES, "order": ["late", "early"], "share": 0.3}
    trainer = {"use": "tests.canned:Trainer", "late": {"learning_rate": 5.0}}
    run = udasa_core.run(configuration(tmp_path, tiny_model_dir, stages=stages, trainer=trainer))
    assert [stage.name for stage in run.stages()] == ["late", "early"]
    assert [stage.metrics["learning_rate"] for stage in run.stages()] == [5.0, 1.0]
    # The step hands the policy what it measures pairs by: none is dropped for want of it.
    dropped = run.staging()["dropped"]
    assert len(dropped) == int(0.3 * (sum(stage.size for stage in run.stages()) + len(dropped))) > 0
    assert {reason for _, reason in dropped} == {"hard: its log-ratio is among the lowest 0.3 of all"}


def test_what_has_no_guarantee_is_told_before_the_run(tmp_path: Path, tiny_model_dir: Path) -> None:
    for stages in ({"use": "risk-controlled"}, {"use": "shuffled", "of": "risk-controlled"}):
        config = udasa_core.load(configuration(tmp_path, tiny_model_dir, stages=stages))
        (told,) = cautions(config, read_catalog())
        assert told.startswith(f"stages '{stages['use']}': no `labels` are named")
    config = udasa_core.load(configuration(tmp_path, tiny_model_dir))
    assert list(cautions(config, read_catalog())) == []
