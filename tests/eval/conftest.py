"""Configurations on disk for the experiments: canned plugins over the tiny model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.canned import calls, configuration
from tests.core.conftest import to_toml


@pytest.fixture
def config_file(tmp_path: Path, tiny_model_dir: Path) -> Callable[..., Path]:
    """Write a canned configuration of an experiment, with tables changed, as a TOML file; return its path."""
    calls.clear()

    def write(**tables: Any) -> Path:
        plain = configuration(tmp_path, tiny_model_dir, count=2)
        plain["run"] = {**plain["run"], "shard_size": 16}
        path = tmp_path / "experiment.toml"
        path.write_text(to_toml({**plain, **tables}))
        return path

    return write
