"""Finished runs to read, and configurations on disk."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

import udasa_core
from tests.canned import configuration
from udasa_core.config.toml_write import toml_value


@pytest.fixture(scope="session")
def canned_run(tmp_path_factory: pytest.TempPathFactory, tiny_model_dir: Path) -> udasa_core.Run:
    """A finished run over canned plugins, with a suite; read it only."""
    folder = tmp_path_factory.mktemp("canned")
    return udasa_core.run(configuration(folder, tiny_model_dir, suite=[{"use": "tests.canned:Suite"}]))


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory, tiny_model_dir: Path) -> udasa_core.Run:
    """A run whose tiny model was really trained, by `dpo`, and watched stage by stage; read it only."""
    folder = tmp_path_factory.mktemp("trained")
    trainer = {"use": "dpo", "rank": 4, "learning_rate": 1e-2, "warmup": 0.0, "exploratory": {"epochs": 2.0}}
    watched = {"transitions": {"measure": True}}
    return udasa_core.run(configuration(folder, tiny_model_dir, trainer=trainer, **watched))


def to_toml(plain: Mapping[str, Any]) -> str:
    lines: list[str] = []
    for name, table in plain.items():
        if table == []:
            lines.insert(0, f"{name} = []")
            continue
        header = f"[[{name}]]" if isinstance(table, list) else f"[{name}]"
        for one in table if isinstance(table, list) else [table]:
            lines += [header, *(f"{key} = {toml_value(value)}" for key, value in one.items()), ""]
    return "\n".join(lines) + "\n"


@pytest.fixture
def config_file(tmp_path: Path, tiny_model_dir: Path) -> Callable[..., Path]:
    """Write a canned configuration, with tables changed, as a TOML file; return its path."""

    def write(**tables: Any) -> Path:
        path = tmp_path / "udasa.toml"
        path.write_text(to_toml(configuration(tmp_path, tiny_model_dir, **tables)))
        return path

    return write
