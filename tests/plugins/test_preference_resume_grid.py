"""Interrupted in any stage, early or late, with pairs that fill their batches or do not: the same bytes."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import FakeResources
from tests.plugins.preferences import make_pairs, train, write_pairs
from tests.plugins.test_preference_resume import Tripwire, files
from udasa_core import ModelRef, Report, Stage
from udasa_plugin_preference.dpo import DPO
from udasa_plugin_preference.ipo import IPO
from udasa_plugin_preference.sft import SFT

# Everything that a step's outcome depends on: moments, curve, dropout, weights, accumulation.
OPTIONS: dict[str, Any] = {
    "batch": 2,
    "accumulation": 2,
    "epochs": 2.5,
    "save_steps": 1,
    "dropout": 0.1,
    "keep_optimizer": True,
    "keep_schedule": True,
    "weights_from": "gap",
}
TRAINERS = {"first": DPO, "middle": IPO, "last": SFT}
# Pairs of a stage; but in the first one, the last two are replayed. A step has four of them: 2.5 epochs of 8
# fill five steps, and 2.5 epochs of 7 do not.
COUNTS = {"divides": 8, "does not": 7}
# At which of the task's tellings it is interrupted: in the second step; in the third one, of the second
# epoch, which begins there or inside the step before; in the last one.
PLACES = {"early": 3, "cross-epoch": 4, "late": 6}


class Chain:
    """Three stages that go on from one another, each trained without an interruption once it is asked for."""

    def __init__(self, base: ModelRef, folder: Path, count: int) -> None:
        self.base, self.folder, self.count = base, folder, count
        self.whole = cache(self._whole)

    def given(self, name: str, out: Path, resources: FakeResources | None = None) -> Report:
        number = list(TRAINERS).index(name)
        pairs = [
            replace(pair, gap=0.1 + 0.1 * place)
            for place, pair in enumerate(make_pairs(self.count, seed=number))
        ]
        before = self.whole(list(TRAINERS)[number - 1]) if number else None
        own = self.count - 2 if number else self.count
        stage = Stage(name, self.count, name, {}, number * own, (2 - number) * own, self.count - own)
        return train(
            TRAINERS[name],
            write_pairs(self.folder / f"{name}.parquet", pairs),
            before.policy if before else self.base,
            out,
            stage=stage,
            reference=self.base if name == "last" else None,
            resources=resources,
            earlier_state=self.state(before) if before else None,
            **OPTIONS,
        )

    def _whole(self, name: str) -> Report:
        return self.given(name, self.folder / name)

    def state(self, report: Report) -> Path:
        return Path(report.policy.adapters[0].folder).parent / "state"


@pytest.fixture(scope="module")
def chains(tiny_ref: ModelRef, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Chain]:
    return {name: Chain(tiny_ref, tmp_path_factory.mktemp("chain"), count) for name, count in COUNTS.items()}


FAST = {("middle", "cross-epoch", "does not")}
GRID = [
    pytest.param(*cell, marks=() if cell in FAST else pytest.mark.slow)
    for cell in ((stage, place, count) for stage in TRAINERS for place in PLACES for count in COUNTS)
]


@pytest.mark.parametrize(("stage", "place", "count"), GRID)
def test_a_stage_goes_on_from_any_step_to_the_same_bytes(
    stage: str, place: str, count: str, chains: dict[str, Chain], tmp_path: Path
) -> None:
    chain = chains[count]
    whole = chain.whole(stage)
    at = PLACES[place]
    with pytest.raises(KeyboardInterrupt):
        chain.given(stage, tmp_path / "out", Tripwire(chain.base, f"train {stage}", at))
    resources = FakeResources(chain.base)
    again = chain.given(stage, tmp_path / "out", resources)
    assert again == whole
    # Weights, configuration, report with every step's loss and rate, and AdamW's moments.
    assert sorted(files(whole)) == [
        "adapter_config.json",
        "adapter_model.safetensors",
        "optimizer.safetensors",
        "report.json",
    ]
    assert files(again) == files(whole)
    begun = next(told for task, told in resources.told if task == f"train {stage}")
    assert 0 < begun < whole.metrics["steps"], "it went on from a checkpoint"
