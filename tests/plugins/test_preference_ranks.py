"""Several ranks train what one process trains: the same steps, each pair once, whatever does not divide."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.plugins.forked import on_ranks
from tests.plugins.preferences import make_pairs, train, write_pairs
from tests.plugins.test_preference_equivalence import weights_of
from udasa_core import ModelRef, Report
from udasa_plugin_preference.dpo import DPO
from udasa_plugin_preference.sft import SFT


def files(report: Report) -> dict[str, bytes]:
    folder = Path(report.policy.adapters[0].folder)
    return {path.name: path.read_bytes() for path in sorted(folder.parent.rglob("*")) if path.is_file()}


def assert_close(one: Report, other: Report, within: float) -> None:
    ours, theirs = weights_of(one), weights_of(other)
    assert ours.keys() == theirs.keys()
    for name, weight in ours.items():
        torch.testing.assert_close(weight, theirs[name], rtol=0.0, atol=within, msg=name)


@pytest.mark.parametrize("count", [8, 10, 9])
@pytest.mark.parametrize("factory", [DPO, SFT])
def test_two_ranks_train_what_one_process_trains(
    factory: Any, count: int, tiny_ref: ModelRef, tmp_path: Path
) -> None:
    pairs = write_pairs(tmp_path / "pairs.parquet", make_pairs(count))
    given: dict[str, Any] = {
        "batch": 2,
        "accumulation": 2,
        "epochs": 2.0,
        "learning_rate": 1e-3,
        "save_steps": 2,
    }
    alone = train(factory, pairs, tiny_ref, tmp_path / "alone", **given)
    both = on_ranks(2, lambda: train(factory, pairs, tiny_ref, tmp_path / "both", **given))
    assert both[0] == both[1]
    assert_close(alone, both[0], 1e-5)
    for ours, theirs in zip(alone.history, both[0].history, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-4, abs=1e-6)
