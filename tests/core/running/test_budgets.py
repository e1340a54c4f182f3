"""A budget that fills the context is told before anything is sampled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import udasa_core
from tests.canned import configuration
from udasa_core.api import load
from udasa_core.check.turns import policy_told
from udasa_core.errors import ConfigError
from udasa_core.plugins.catalog import read_catalog
from udasa_core.plugins.stack import chosen_plugins
from udasa_core.running.budgets import budget_faults


def test_check_and_run_tell_it_of_pairing_and_suites(tmp_path: Path, tiny_model_dir: Path) -> None:
    plain: dict[str, Any] = configuration(
        tmp_path,
        tiny_model_dir,
        generator={"use": "transformers", "responses": 2, "max_new_tokens": 4},
        pairing={"use": "greedy", "max_new_tokens": 512},
        stages={"use": "quantiles", "ungapped": "spread"},
        suite=[
            {"use": "short-answers", "name": "long", "limit": 2, "max_new_tokens": 600},
            {"use": "short-answers", "name": "short", "limit": 2, "max_new_tokens": 500},
        ],
    )
    with pytest.raises(ConfigError) as told:
        udasa_core.run(plain)
    run = udasa_core.Run(tmp_path / "runs" / "canned")
    assert not (run.store.root / "sample").exists()
    config = load(plain)
    context = policy_told(config).context
    faults = list(budget_faults(chosen_plugins(config, read_catalog()), context))
    assert [fault.path for fault in faults] == ["pairing.max_new_tokens", "suite.long.max_new_tokens"]
    assert all(str(fault) in str(told.value) for fault in faults)
    assert "600 tokens leave no room for a prompt in the model's context of 512" in str(faults[1])
