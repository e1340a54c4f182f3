"""What docs/launchers.md shows is what ships, and is taken where the machine is there."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.canned import configuration
from udasa_core.api import load
from udasa_core.launching.config_file import read_config_file
from udasa_core.launching.faults import launch_faults
from udasa_core.models import hardware
from udasa_core.plugins.catalog import read_catalog
from udasa_core.plugins.stack import chosen_plugins

PAGE = (Path(__file__).parent.parent / "docs" / "launchers.md").read_text()
YAML = dict(re.findall(r"```yaml\n# (builtin:\w+)\n(.*?)```", PAGE, re.DOTALL))
TOML = [tomllib.loads(text) for text in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)]


@pytest.mark.parametrize("name", ["builtin:fsdp2", "builtin:zero2"])
def test_what_ships_is_shown(name: str) -> None:
    assert yaml.safe_load(YAML[name]) == read_config_file(name, Path()).plain


@pytest.mark.parametrize("shown", TOML)
def test_each_table_is_taken_by_a_machine_of_eight_gpus(
    shown: dict[str, Any], tmp_path: Path, tiny_model_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = {"device": "cuda", "gpus": 8, "cuda_bfloat16": True, "gpu_memory": 80 << 30}
    monkeypatch.setattr(hardware, "_accelerator", lambda: here)
    trainer = shown.get("trainer", {"use": "dpo", "accumulation": 8})
    plain = configuration(tmp_path, tiny_model_dir, train=shown["train"], trainer=trainer)
    plain["model"] |= {"device": "cuda"}
    catalog = read_catalog()
    config = load(plain, catalog=catalog)
    assert list(launch_faults(config, chosen_plugins(config, catalog))) == []
    assert trainer["accumulation"] % config.train.processes == 0
