"""Runs that several sections are read from."""

from __future__ import annotations

from pathlib import Path

import pytest

import udasa_core
from tests.canned import configuration
from tests.core.page.kinds import planted
from udasa_core.errors import PluginError


@pytest.fixture(scope="session")
def planted_run(tmp_path_factory: pytest.TempPathFactory, tiny_model_dir: Path) -> udasa_core.Run:
    """The run of planted scores, two suites and a rollback; read it only."""
    return udasa_core.run(planted(tmp_path_factory.mktemp("planted"), tiny_model_dir))


@pytest.fixture(scope="session")
def rounds_run(tmp_path_factory: pytest.TempPathFactory, tiny_model_dir: Path) -> udasa_core.Run:
    """A run of two rounds that holds nothing out and skips a stage; read it only."""
    plain = configuration(tmp_path_factory.mktemp("rounds"), tiny_model_dir, count=12, rounds={"count": 2})
    plain["run"]["held_out"] = 0.0
    plain["trainer"]["moderate"] = {"min_pairs": 99}
    return udasa_core.run(plain)


@pytest.fixture(scope="session")
def crashed_run(tmp_path_factory: pytest.TempPathFactory, tiny_model_dir: Path) -> udasa_core.Run:
    """A run with a suite whose trainer failed, as it lies on disk; read it only."""
    folder = tmp_path_factory.mktemp("crashed")
    trainer = {"use": "tests.canned:Trainer", "crash": True}
    suite = [{"use": "tests.canned:Suite"}]
    with pytest.raises(PluginError):
        udasa_core.run(configuration(folder, tiny_model_dir, count=12, trainer=trainer, suite=suite))
    return udasa_core.Run(folder / "runs" / "canned")
